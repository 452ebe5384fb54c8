"""What the components are shown with: the demo data of an instance that ``make up`` has begun.

Write keys are stored as digests, so only the file that holds the first one can tell it. It may be
seen, as in every page that uses it. Of people, the page shows those alone that the demo made up.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from growth.embedded.first_start import PROJECT_FILE_NAME
from growth.management.demo.referrals import CHANNEL
from growth.management.demo.waitlist import NAME
from growth.management.promoter_loop import SURVEY
from referrals.models import Link
from referrals.signing import share_token
from surveys.models import Invitation
from surveys.operations.invited import closure_of
from surveys.signing import invitation_token
from waitlists.models import Waitlist


@dataclass(frozen=True)
class Demo:
    """What the elements of the page bear; without one of its things an element is not shown."""

    write_key: str
    slug: str
    share_token: str
    survey_token: str


def find_demo(*, at: datetime) -> Demo | None:
    """Return what there is; None if this instance was not begun with a demo."""
    try:
        told = json.loads((settings.DATA_DIR / PROJECT_FILE_NAME).read_text())
        project, key = told["project_id"], told["write_key"]
    except (OSError, ValueError, KeyError):
        return None
    waitlist = Waitlist.objects.filter(project=project, name=NAME).order_by("id").first()
    links = Link.objects.filter(project=project, channel=CHANNEL, contact__deleted_at=None)
    link = links.order_by("id").first()
    return Demo(
        write_key=key,
        slug=waitlist.slug if waitlist else "",
        share_token=share_token(link) if link else "",
        survey_token=_survey_token(project, at),
    )


def _survey_token(project: str, at: datetime) -> str:
    """Return the token of an invitation that the demo made and that can be answered."""
    invitations = Invitation.objects.filter(
        project=project, survey__name=SURVEY, contact__email__endswith="@example.com"
    )
    last = invitations.select_related("survey").order_by("-id").first()
    if last is None or closure_of(last, at=at):
        return ""
    return invitation_token(last.project_key, last.pk)

"""Links in mail: whoever is asked to share, has what to share."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from contacts.mail.claiming import Mail
from contacts.models import Contact
from growth import ids
from growth.models import Project
from referrals.models import Program
from referrals.operations.links import ensure_links

CHANNEL = "email"
LINK = "referral"
"""What a template calls the link, as ``links.referral``."""


def links_of_mails(
    project: Project, mails: Sequence[Mail], *, at: datetime
) -> dict[int, dict[str, str]]:
    """Return the links that the mails offer, by the mails' keys: of the program that sends them,
    else of the newest active one. Contacts who have none get one.
    """
    programs = {each.id: each for each in _active(project)}
    if not programs:
        return {}
    newest = next(iter(programs.values()))
    by_program: dict[Program, list[Mail]] = defaultdict(list)
    for mail in mails:
        own = (mail.context.get("program") or {}).get("id")
        by_program[programs.get(own, newest)].append(mail)
    given = [_given(program, some, at) for program, some in by_program.items()]
    return {key: {LINK: url} for urls in given for key, url in urls.items()}


def _active(project: Project) -> Sequence[Program]:
    programs = Program.objects.in_project(project).active().order_by("-id")
    return list(programs.select_related("project"))


def _given(program: Program, mails: Sequence[Mail], at: datetime) -> dict[int, str]:
    people = Contact.objects.in_project(program.project).alive()
    contacts = list(people.filter(pk__in={mail.contact for mail in mails}))
    links, _ = ensure_links(program, contacts, channel=CHANNEL, at=at)
    found = ((mail.key, links.get(ids.encode(_PREFIX, mail.contact))) for mail in mails)
    return {key: link.url for key, link in found if link}


_PREFIX = Contact._meta.pk.prefix

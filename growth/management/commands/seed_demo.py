from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from campaigns.models import Campaign
from campaigns.operations.campaigns import activate, create_campaign
from contacts.models import Contact, Segment
from contacts.operations.event_files import Mapping
from contacts.operations.imports import FileImport
from contacts.operations.segments import create_segment
from growth.analytics.models import Cohort, Funnel, Report
from growth.management.demo.referrals import write_demo_program
from growth.management.promoter_loop import SURVEY, add_promoter_loop
from growth.models import Project
from surveys.models import Survey
from surveys.operations.answering import Answer, respond
from surveys.operations.surveys import activate as activate_survey
from waitlists.operations.joining import Joining, join
from waitlists.operations.waitlists import create_waitlist

PURCHASES = Path(__file__).parents[1] / "demo" / "purchases.csv"
_MAPPING = Mapping(
    contact_id="customer",
    timestamp="date",
    event="purchase",
    traits=(("email", "customer-{customer}@example.com"), ("name", "Customer {customer}")),
)


def _count(op: str, value: int, window: str) -> dict:
    return {"field": "events.purchase", "op": op, "value": value, "window": window}


SEGMENTS = {
    "Regulars: 3 or more purchases in 90 days": {
        "operator": "AND",
        "conditions": [_count("count_gte", 3, "90d")],
    },
    "Lapsed: bought before, not in 60 days": {
        "operator": "AND",
        "conditions": [_count("count_gte", 1, "366d"), _count("count_lte", 0, "60d")],
    },
}

ANSWERS = (
    *((10, "Ordering takes me a minute."), (9, "Your people answer the same day."), (9, "")),
    *((8, "A larger choice would be good."), (10, ""), (7, "")),
    *((6, "Parcels come late."), (3, "Twice the wrong size."), (9, "I told my sister.")),
)


WAITING = [
    *[(name, "") for name in ("Ada", "Ben", "Cleo", "Dario", "Emma", "Farid", "Gina", "Hugo")],
    *[("Ines", "Hugo"), ("Jonas", "Hugo"), ("Kira", "Emma"), ("Liam", ""), ("Mona", "Liam")],
]
"""People on the list, and the friends who brought them."""
REPORTS: dict[type[Report], tuple[str, dict]] = {
    Funnel: ("Three purchases", {"steps": ["purchase"] * 3, "window": "90d"}),
    Cohort: ("Buyers who come back", {"event": "purchase", "period": "month"}),
}


class Command(BaseCommand):
    help = "Fill the first project with the history of a small, made-up shop. Run twice, it is one."

    def handle(self, **_: object) -> None:
        project = Project.objects.order_by("id").first()
        if project is None:
            raise CommandError("There is no project yet; see manage.py create_project.")
        self._import(project)
        if Segment.objects.in_project(project).exists():
            return
        regulars, lapsed = [
            create_segment(project, name=name, rules=rules, at=now())
            for name, rules in SEGMENTS.items()
        ]
        self._write_campaigns(project, regulars, lapsed)
        write_demo_program(project, regulars, at=now())
        self._fill_waitlist(project)
        self._ask(project)
        for report, (name, definition) in REPORTS.items():
            report.objects.create(project=project, name=name, definition=definition)

    def _import(self, project: Project) -> None:
        running = FileImport(project, PURCHASES, _MAPPING, shift_to_now=True, at=now())
        for _ in running.run(settings.DATA_DIR / "rejected-demo.csv"):
            pass

    def _fill_waitlist(self, project: Project) -> None:
        """Make a list of people who came in this order, each by the friend that is named."""
        waitlist = create_waitlist(project, name="Early access", referral_boost=3, at=now())
        codes = {"": ""}
        for name, friend in WAITING:
            joining = Joining(
                f"{name.lower()}@example.com", {"name": name}, codes[friend], is_vouched_for=True
            )
            codes[name] = join(waitlist, joining, at=now()).entry.code

    def _write_campaigns(self, project: Project, regulars: Segment, lapsed: Segment) -> None:
        onboarding = create_campaign(
            project,
            name="Onboarding",
            type=Campaign.Type.LIFECYCLE,
            trigger={"event": "signup_completed"},
            steps=[
                {"delay": "0m", "subject": "Welcome!", "template_code": "tmpl_welcome_01"},
                {"delay": "2d", "subject": None, "template_code": "tmpl_onboard_02"},
                {"delay": "5d", "subject": None, "template_code": "tmpl_onboard_03"},
            ],
        )
        activate(onboarding, at=now())
        for name, segment, template in (
            ("News for regulars", regulars, "tmpl_referral_prompt"),
            ("We miss you", lapsed, "tmpl_reengage"),
        ):
            create_campaign(
                project,
                name=name,
                type=Campaign.Type.BROADCAST,
                segment=segment,
                steps=[{"template_code": template}],
            )

    def _ask(self, project: Project) -> None:
        """Let some customers tell what they think."""
        add_promoter_loop(project)
        survey = Survey.objects.select_related("project").get(project=project, name=SURVEY)
        activate_survey(survey, at=now())
        people = Contact.objects.in_project(project).alive().select_related("project")
        for contact, (score, comment) in zip(people.order_by("id"), ANSWERS, strict=False):
            respond(survey, contact, Answer(score, comment), at=now())

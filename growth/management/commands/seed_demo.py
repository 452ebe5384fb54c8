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
from growth.management.demo.waitlist import write_demo_waitlist
from growth.management.promoter_loop import SURVEY, add_promoter_loop
from growth.models import Project
from surveys.models import Invitation, Survey
from surveys.operations.answering import Answer, respond
from surveys.operations.surveys import activate as activate_survey

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
        write_demo_waitlist(project, at=now())
        self._ask(project)
        for report, (name, definition) in REPORTS.items():
            report.objects.create(project=project, name=name, definition=definition)

    def _import(self, project: Project) -> None:
        running = FileImport(project, PURCHASES, _MAPPING, shift_to_now=True, at=now())
        for _ in running.run(settings.DATA_DIR / "rejected-demo.csv"):
            pass

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
        """Let some customers tell what they think, and ask one by mail."""
        add_promoter_loop(project)
        survey = Survey.objects.select_related("project").get(project=project, name=SURVEY)
        activate_survey(survey, at=now())
        people = Contact.objects.in_project(project).alive().select_related("project")
        answering = zip(people.order_by("id"), ANSWERS, strict=False)
        for contact, (score, comment) in answering:
            respond(survey, contact, Answer(score, comment), at=now())
        if asked := people.order_by("id")[len(ANSWERS) :].first():
            Invitation.objects.create(
                project=project, survey=survey, contact=asked, created_at=now(), due_at=now()
            )

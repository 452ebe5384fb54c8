"""What may be wrong with the mails of a campaign, told before it sends them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from campaigns.models import Campaign, Step
from contacts.mail.coverage import gaps, places, said_of
from contacts.mail.linting import has_way_out, unknown_variables, warnings_of
from contacts.mail.liquid import TemplateError
from contacts.mail.templates import templates_for
from contacts.mail.variables import Variable, variables
from contacts.models import Template
from growth.errors import Invalid, Violation

_NO_WAY_OUT = "The template has no unsubscribe link; add one to {{ links.unsubscribe }}."

Written = tuple[Step, Template]


def advice_on(
    campaign: Campaign, *, at: datetime, steps: Sequence[Step] | None = None
) -> list[str]:
    """Return a sentence about each likely mistake, of the campaign's steps or of some of them."""
    written = _written(campaign, campaign.steps.all() if steps is None else steps)
    advice = []
    for step, template in written:
        try:
            advice += _advice_on(step, template)
        except TemplateError as error:
            advice.append(f"steps[{step.position}]: {error}")
    return [*advice, *_gaps(campaign, written, at)]


def mailing_faults(campaign: Campaign, steps: Sequence[Step]) -> Iterator[Violation]:
    """Yield why the mails of these steps must not be sent: nobody could unsubscribe from them."""
    for step, template in _written(campaign, steps):
        field = f"steps[{step.position}].template_id"
        try:
            if not has_way_out(template):
                yield Violation(field, "no_unsubscribe_link", _NO_WAY_OUT)
        except TemplateError as error:
            yield Violation(field, "invalid_template", str(error))


def require_way_out(template: Template) -> None:
    """Refuse a template without an unsubscribe link while a campaign that is on sends it.

    :raises Invalid: naming the campaign.
    """
    if has_way_out(template):
        return
    sending = Campaign.objects.filter(
        project=template.project_id,
        deleted_at=None,
        status__in=(Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED),
        steps__template_code=template.code,
    )
    campaign = sending.order_by("id").first()
    if campaign:
        message = (
            f"The campaign {campaign.name} ({campaign.id}) sends this template; keep a link to"
            " {{ links.unsubscribe }}, or pause the campaign first."
        )
        raise Invalid(Violation("source", "no_unsubscribe_link", message))


def _written(campaign: Campaign, steps: Sequence[Step]) -> list[Written]:
    """Return the steps of which there is a template, in their order."""
    project = campaign.project.key
    found = templates_for((project, step.template_code) for step in steps)
    return [
        (step, found[project, step.template_code])
        for step in sorted(steps, key=lambda step: step.position)
        if (project, step.template_code) in found
    ]


def _advice_on(step: Step, template: Template) -> Iterator[str]:
    place = f"steps[{step.position}]"
    for warning in warnings_of(template):
        yield f"{place}, {template.code}: {warning}"
    yield from unknown_variables(f"{place}.subject", step.subject or "")


def _gaps(campaign: Campaign, written: Sequence[Written], at: datetime) -> Iterator[str]:
    """Yield for how many members of the segment a mail has a hole: one statement for all steps."""
    if campaign.segment is None:
        return
    spoken_of = {step.position: list(_spoken_of(step, template)) for step, template in written}
    every = [variable for each in spoken_of.values() for variable in each]
    found = gaps(campaign.segment, every, at=at)
    for position, each in spoken_of.items():
        own = set(places(each))
        for place, share in found.items():
            if place in own:
                yield f"steps[{position}]: {said_of(place, share)}"


def _spoken_of(step: Step, template: Template) -> Iterator[Variable]:
    """Yield what the mail prints: the template's parts, with the step's subject before its own."""
    try:
        yield from variables(step.subject or template.subject, is_html=False)
        yield from variables(template.html, is_html=True)
        yield from variables(template.text, is_html=False)
    except TemplateError:
        return  # It is told elsewhere.

"""``/v1/templates``."""

from contacts.api.templates import (
    NewTemplateSerializer,
    RenderSerializer,
    TemplateSerializer,
    TemplateTestSerializer,
    TemplateViewSet,
)
from contacts.models import Template
from growth.api.descriptions import Operation, describe, refine
from growth.api.shapes import (
    WARNINGS,
    Shape,
    choice,
    free,
    list_of,
    maybe,
    page_of,
    text,
    time,
)

_TEST = Shape(
    "TemplateTest",
    "A sample that is on its way to you.",
    {"id": text("tmpl_welcome_01"), "status": choice(["sent"])},
)
_SOURCE = '<p>Hi {{ contact.name }}</p><p><a href="{{ links.unsubscribe }}">Unsubscribe</a></p>'
_TEXTS = {
    "name": maybe(text("Hello")),
    "subject": maybe(text("Welcome, {{ contact.name }}", "In Liquid.")),
    "preheader": maybe(text("This is how to begin.", "What inboxes show beside the subject.")),
    "source": text(_SOURCE, "MJML, HTML, Markdown or text, in Liquid."),
    "text": maybe(text("Hi {{ contact.name }}", "Made from the source if not sent.")),
}
_CODE = text("tmpl_hello", "How campaigns speak of it.", pattern="^tmpl_[a-z0-9_]{1,58}$")

_TEMPLATE = Shape(
    "Template",
    "The words of a mail.",
    {
        "id": _CODE,
        **_TEXTS,
        "format": choice(Template.Format.values),
        "created_at": maybe(time("Null of a starter.")),
        "updated_at": maybe(time("Null of a starter.")),
        "warnings": WARNINGS,
    },
    optional=["warnings"],
)
_LETTER = Shape(
    "RenderedTemplate",
    "A mail as it would be.",
    {
        "subject": text("Welcome, Ada"),
        "html": text("<p>Hi Ada</p>"),
        "text": text("Hi Ada"),
        "warnings": list_of(text("There is no unsubscribe link; add one.")),
    },
)

refine(TemplateSerializer, **_TEXTS)
refine(NewTemplateSerializer, id=_CODE)
refine(RenderSerializer, sample=free({"contact": {"name": "Ada"}}, "Adds to a made-up contact."))

describe(
    TemplateViewSet,
    "Templates",
    "The words of mails, in Liquid. Ten starters are there from the beginning.",
    list=Operation("List templates", "By code, starters among them.", answers=page_of(_TEMPLATE)),
    create=Operation(
        "Create a template",
        "Compiled, looked over and rendered before it is stored; what cannot become a mail is "
        "refused with field and line.",
        takes=NewTemplateSerializer,
        example={
            "id": "tmpl_hello",
            "subject": "Welcome, {{ contact.name }}",
            "source": _SOURCE,
        },
        answers=_TEMPLATE,
        status=201,
    ),
    retrieve=Operation("Get a template", answers=_TEMPLATE),
    partial_update=Operation(
        "Update a template",
        "Of a starter it makes one of your own.",
        takes=TemplateSerializer,
        example={"subject": "Good to see you, {{ contact.name }}"},
        answers=_TEMPLATE,
    ),
    destroy=Operation(
        "Delete a template",
        "Brings the starter of this code back. A starter itself stays.",
        status=204,
        refuses=("conflict",),
    ),
    render=Operation(
        "Render a template",
        "For a contact, or for a made-up one.",
        takes=RenderSerializer,
        example={"sample": {"contact": {"name": "Ada"}}},
        answers=_LETTER,
    ),
    test=Operation(
        "Send a test",
        "To one address, as a made-up contact would get it. It counts nowhere.",
        takes=TemplateTestSerializer,
        example={"email": "test@acme.example"},
        answers=_TEST,
        status=202,
        refuses=("conflict",),
    ),
)

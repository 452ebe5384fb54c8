"""The templates of a project: what it stored, and the starters under codes it has not stored."""

import secrets
from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from contacts.mail import liquid
from contacts.mail.compiling import Draft, compile_draft
from contacts.mail.starters import starters
from contacts.models import Template
from contacts.signals import template_changing, template_removing
from growth.errors import Conflict
from growth.models import Project

_COPIED = ("name", "subject", "preheader", "format", "source")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def find_template(project: Project, code: str) -> Template | None:
    """Return the project's template of this code, else the starter, else None."""
    if not code.isidentifier():
        return None
    stored = Template.objects.in_project(project).filter(code=code).first()
    return stored or starters().get(code)


def known_codes(project: Project, codes: Iterable[str]) -> set[str]:
    """Return those of the codes under which there is a template."""
    wanted = set(codes)
    stored = Template.objects.in_project(project).filter(code__in=wanted)
    return {*stored.values_list("code", flat=True), *wanted.intersection(starters())}


def templates_for(wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Template]:
    """Return the templates by (project's key, code), in one query; what there is not is missing."""
    pairs = set(wanted)
    projects, codes = {project for project, _ in pairs}, {code for _, code in pairs}
    stored = Template.objects.filter(project__in=projects, code__in=codes)
    found = {(project, code): starters()[code] for project, code in pairs if code in starters()}
    return found | {(template.project_key, template.code): template for template in stored}


def store_template(project: Project, *, code: str = "", **fields: Any) -> Template:
    """Compile and store a new template; without a code it gets one.

    :raises Invalid: naming what is wrong with it.
    :raises Conflict: if the project has stored one of that code.
    """
    template = Template(project=project, code=code or _new_code(), **fields)
    _compile(template)
    try:
        with transaction.atomic():
            template.save(force_insert=True)
    except IntegrityError:
        raise Conflict(f"There is a template {code} already; change it by PATCH.") from None
    return template


def remove_template(template: Template) -> None:
    """Delete the template, so that a starter of its code, if there is one, is seen again.

    :raises Conflict: if it is a starter, or something goes on sending it.
    """
    if template.pk is None:
        raise Conflict("This is a starter, which cannot be deleted; store one in its place.")
    with transaction.atomic():
        template.lock()
        require_removable(template)
        template.delete()


def require_removable(template: Template) -> None:
    """Refuse to delete what something goes on sending.

    :raises Conflict: naming that.
    """
    if template.code not in starters():
        template_removing.send(Template, template=template)


def require_unsent(template: Template, kind: str, senders: QuerySet) -> None:
    """Refuse to delete the template if there is one of these, which send it.

    :param kind: what they are, in a word.
    :raises Conflict: naming the first.
    """
    if sender := senders.filter(project=template.project_id).order_by("id").first():
        name = f"The {kind} {sender.name} ({sender.id})"
        raise Conflict(f"{name} sends this template; choose another there first.")


def revise_template(project: Project, template: Template, **fields: Any) -> Template:
    """Change the template; a starter becomes the project's own by that.

    :raises Invalid: naming what is wrong with it.
    """
    if template.pk is None:
        old = {name: getattr(template, name) for name in _COPIED}
        try:
            return store_template(project, code=template.code, **old | fields)
        except Conflict:  # Another call has just made it the project's own.
            template = Template.objects.get(project=project, code=template.code)
    with transaction.atomic():
        template.lock()
        for name, value in fields.items():
            setattr(template, name, value)
        _compile(template)
        template.save()
    return template


def _compile(template: Template) -> None:
    compiled = compile_draft(
        Draft(
            template.format,
            template.source,
            template.subject,
            template.preheader,
            template.text_source,
        )
    )
    template.html, template.text = compiled.html, compiled.text
    template_changing.send(Template, template=template)


def _new_code() -> str:
    return "tmpl_" + "".join(secrets.choice(_ALPHABET) for _ in range(10))


def subject_fault(subject: str) -> str:
    """Return what is wrong with the Liquid of a subject that stands apart from its template."""
    try:
        liquid.parse(subject, is_html=False)
    except liquid.TemplateError as error:
        return str(error)
    return ""

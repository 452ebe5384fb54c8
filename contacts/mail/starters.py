"""Starter templates: files that every project sees until it stores its own of the same code."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from django.conf import settings

from contacts.mail.compiling import Draft, compile_draft
from contacts.mail.press import press
from contacts.models import Template

_FOLDER = Path(settings.BASE_DIR) / "templates" / "email"
_FENCE = "---\n"


@cache
def starters() -> dict[str, Template]:
    """Return the starters by their codes, as templates that are not stored."""
    return {path.stem: _read(path) for path in sorted(_FOLDER.glob("tmpl_*.mjml"))}


def _read(path: Path) -> Template:
    _, head, source = path.read_text(encoding="utf-8").split(_FENCE, 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    draft = Draft("mjml", source, fields["subject"], fields["preheader"])
    compiled = compile_draft(draft, press=press)  # Our own markup needs no process of its own.
    written_at = datetime.fromisoformat(fields["updated"]).replace(tzinfo=UTC)
    return Template(
        code=path.stem,
        name=fields["name"],
        subject=draft.subject,
        preheader=draft.preheader,
        format=draft.format,
        source=source,
        html=compiled.html,
        text=compiled.text,
        created_at=written_at,
        updated_at=written_at,
    )

"""The press: an author's markup, with words in place of its Liquid, becomes HTML and plain text.

Its tools are native code that recurses: deep markup makes them overflow their stack, which ends the
process, and large style sheets make them eat its memory. So what strangers write is pressed in a
process of its own: ``python -m contacts.mail.press``, a job as JSON in, the outcome as JSON out.
"""

import json
import re
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from contacts.mail import markdown, mjml, plaintext, stylesheets

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 10
_MEMORY = 2**30
_STYLES = re.compile(r"<style|<link", re.IGNORECASE)
_FRAME = """<!doctype html><html><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="margin:0;padding:24px;background:#ffffff">
<div style="max-width:600px;margin:0 auto;font-family:Helvetica,Arial,sans-serif;font-size:16px;\
line-height:1.5;color:#1f2937">
%s</div></body></html>"""


@dataclass(frozen=True)
class Job:
    """Markup of a format: html, mjml or markdown. ``comment`` is the pattern of the comments that
    stand for Liquid, with the word in a group.
    """

    format: str
    markup: str
    comment: str


@dataclass(frozen=True)
class Pressed:
    """What came of it."""

    html: str
    text: str


class PressError(Exception):
    """The markup cannot be used; ``position`` is the byte at which, if that is known."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


def press(job: Job) -> Pressed:
    """Do the job in this process, which is for markup that can be trusted.

    :raises PressError: if the markup cannot be read.
    """
    html = _html(job)
    with_words = re.sub(job.comment, r"\1", html)
    return Pressed(html, plaintext.from_html(with_words))


def press_apart(job: Job) -> Pressed:
    """Do the job in a process that may die of it.

    :raises PressError: if it did, or if the markup cannot be read.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(asdict(job)).encode(),
            capture_output=True,
            cwd=_ROOT,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise PressError("this markup takes too long to compile") from None
    if child.returncode:
        raise PressError("this markup is too large, or nested too deeply")
    outcome = json.loads(child.stdout)
    if "message" in outcome:
        raise PressError(**outcome)
    return Pressed(**outcome)


def _html(job: Job) -> str:
    try:
        match job.format:
            case "mjml":
                return _inlined(mjml.to_html(job.markup), job.comment)
            case "markdown":
                return _FRAME % markdown.to_html(job.markup)
            case _:
                return _inlined(job.markup, job.comment)
    except mjml.MarkupError as error:
        raise PressError(str(error), error.position) from None
    except stylesheets.StyleError as error:
        raise PressError(str(error)) from None


def _inlined(html: str, comment: str) -> str:
    if not _STYLES.search(html):
        return html  # What needs nothing done stays as its author wrote it.
    # The reader of HTML adds the tbody that is missing after the comments it finds in its place.
    before_body = rf"(<table[^>]*>\s*)((?:{comment}\s*)+)(<tbody[^>]*>)"
    return re.sub(before_body, r"\1\4\2", stylesheets.inline(html))


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    try:
        outcome = asdict(press(Job(**json.load(sys.stdin))))
    except PressError as error:
        outcome = {"message": str(error), "position": error.position}
    json.dump(outcome, sys.stdout)


if __name__ == "__main__":
    _main()

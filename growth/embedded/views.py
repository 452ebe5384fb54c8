"""The pages of the mailbox, for staff."""

from itertools import islice

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateformat import format as date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from growth.embedded.letter import read_headers, read_letter
from growth.embedded.maildir import ENVELOPE_TO, Maildir, received_at

_PAGE = 50
_LINK = "font-medium text-primary-600 dark:text-primary-500"
# Links open beside the page; scripts, forms and everything from elsewhere stay closed.
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
_POLICY = f"sandbox {SANDBOX}; default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@require_safe
@staff_member_required
def mailbox(request: HttpRequest) -> HttpResponse:
    """List the messages, newest first."""
    to = request.GET.get("to", "").strip()
    names = list(islice(_maildir().names(to=to, before=request.GET.get("before", "")), _PAGE + 1))
    context = {
        "title": "Mailbox",
        "table": {
            "headers": ["Received", "To", "From", "Subject"],
            "rows": [_row(name) for name in names[:_PAGE]],
        },
        "to": to,
        "is_first_page": "before" not in request.GET,
        "older": names[_PAGE - 1] if len(names) > _PAGE else None,
    }
    return render(request, "admin/mailbox_list.html", context | admin.site.each_context(request))


@require_safe
@staff_member_required
def message(request: HttpRequest, name: str) -> HttpResponse:
    """Show one message."""
    letter = read_letter(_content(name))
    context = {
        "title": letter.header("Subject") or "(no subject)",
        "name": name,
        "letter": letter,
        "received_at": received_at(name),
        "sandbox": SANDBOX,
    }
    return render(request, "admin/mailbox_message.html", context | admin.site.each_context(request))


@require_safe
@staff_member_required
@xframe_options_sameorigin
def html(request: HttpRequest, name: str) -> HttpResponse:
    """Show the HTML part alone, in the frame of its message."""
    letter = read_letter(_content(name))
    answer = HttpResponse('<base target="_blank">' + (letter.html or ""))
    answer["Content-Security-Policy"] = _POLICY
    return answer


def _maildir() -> Maildir:
    return Maildir(settings.MAILBOX_DIR)


def _content(name: str) -> bytes:
    content = _maildir().read(name)
    if content is None:
        raise Http404("There is no such message.")
    return content


def _row(name: str) -> list[str]:
    """Return what the list shows of a message; it may have gone since it was listed."""
    letter = read_headers(_maildir().read(name) or b"")
    subject = letter.header("Subject") or "(no subject)"
    return [
        date_format(localtime(received_at(name)), "Y-m-d H:i:s"),
        letter.header(ENVELOPE_TO),
        letter.header("From"),
        format_html(
            '<a class="{}" href="{}">{}</a>',
            _LINK,
            reverse("mailbox-message", args=[name]),
            subject,
        ),
    ]

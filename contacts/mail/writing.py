"""The mails of a batch, written in their order, and ahead of it while a mail server thinks."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from contacts.mail.claiming import Mail
from contacts.mail.copies import copy_addresses, write_copy
from contacts.mail.envelopes import Parcel
from contacts.mail.liquid import RenderError, TemplateError
from contacts.mail.outcomes import Outcome
from contacts.mail.parcels import write
from contacts.mail.templates import templates_for
from contacts.mail.wanted import wanted_links
from contacts.models import Email, Template
from contacts.models.addresses import AddressError
from growth.models import Project

MOST_AHEAD = 20
LONG = 0.02
"""Seconds; whoever waits for a reply does not wait for mails that take longer to write."""

_State = Email.State


class Writer:
    """Writes mails, or says why they cannot be written."""

    def __init__(
        self, mails: Sequence[Mail], projects: Mapping[int, Project], *, at: datetime
    ) -> None:
        self._projects, self._at = projects, at
        self._templates = templates_for((mail.project, mail.template_code) for mail in mails)
        self._links = wanted_links(mails, self._templates, projects, at=at)
        self._copies = copy_addresses(projects.values())
        self._untaken = deque(mails)
        self._ahead: deque[Parcel | Outcome] = deque()
        self._is_held_up = False

    @property
    def untaken(self) -> list[Mail]:
        """The mails that nobody has taken yet."""
        return list(self._untaken)

    def take(self, count: int) -> Iterator[tuple[Mail, Parcel | Outcome]]:
        """Yield so many of the next mails, each as it goes to the server, or its outcome if that is
        decided before.
        """
        self._is_held_up = False
        for _ in range(min(count, len(self._untaken))):
            written = self._ahead.popleft() if self._ahead else self._written(self._untaken[0])
            yield self._untaken.popleft(), written

    def write_ahead(self) -> bool:
        """Write one mail more, and tell whether there may be another to write. What is amiss with a
        mail is left to ``take``, when nobody waits.
        """
        if self._is_held_up or len(self._ahead) >= min(MOST_AHEAD, len(self._untaken)):
            return False
        began = time.monotonic()
        try:
            self._ahead.append(self._written(self._untaken[len(self._ahead)]))
        except Exception:
            self._is_held_up = True
        else:
            self._is_held_up = time.monotonic() - began > LONG
        return not self._is_held_up

    def copied_to(self, mail: Mail) -> Sequence[str]:
        """Return the addresses of users who get copies of the mail."""
        return self._copies.get(mail.project, ())

    def copy(self, mail: Mail, address: str) -> Parcel:
        """Return the copy of the mail for this user.

        :raises AddressError: if the address is none.
        :raises RenderError: if the template cannot be rendered for this contact.
        """
        project = self._projects[mail.project]
        return write_copy(mail, self._template(mail), project, address, at=self._at)

    def _written(self, mail: Mail) -> Parcel | Outcome:
        project, links = self._projects[mail.project], self._links.get(mail.key, {})
        try:
            return write(mail, self._template(mail), project, links=links, at=self._at)
        except AddressError:
            return Outcome(mail, _State.SUPPRESSED, "invalid_address")
        except (TemplateError, RenderError, ValueError) as error:
            return Outcome(mail, _State.FAILED, f"Template: {error}")

    def _template(self, mail: Mail) -> Template:
        template = self._templates.get((mail.project, mail.template_code))
        if template is None:
            raise TemplateError(f"there is no template {mail.template_code}")
        return template

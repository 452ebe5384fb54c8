"""The questions that contacts asks the apps above it, in the same transaction or answer."""

from django.dispatch import Signal

contact_described = Signal()
"""``contact``: receivers return a dict of what they add to the contact's profile; with ``in_full``,
to the export of all that is held of it.
"""

contact_erasing = Signal()
"""``project``, ``contacts``: keys of the contact and of all that became part of it. Receivers strip
their rows of whatever tells who the person is, and return how many they were, by table. Sent again
for what came late, and for those of whom nothing is left.
"""

contact_merging = Signal()
"""``merge``: receivers give the rows of its source to its target by ``merge.move`` and
``merge.move_entries``.

It is sent again for what came late; to undo a merge takes no receiver. An ``Absorption`` of
visitors is told in the same way.
"""

template_changing = Signal()
"""``template``: compiled, and about to be stored. Receivers raise ``Invalid`` where they send it
and could not go on; the form of the admin asks too, before it stores anything.
"""

template_removing = Signal()
"""``template``: about to be deleted, with no starter to take its place. Receivers raise
``Conflict`` where they send it, by ``contacts.mail.templates.require_unsent``.
"""

mail_links_wanted = Signal()
"""``project``, ``mails``, ``names``, ``at``: mails about to be written whose templates speak of
links of these names, which no part of the mail engine makes. Receivers return those of them that
are theirs: links by name, by the mails' keys. They make none that nobody speaks of.
"""

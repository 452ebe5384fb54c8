"""The questions that contacts asks the apps above it, in the same transaction or answer."""

from django.dispatch import Signal

contact_described = Signal()
"""``contact``: receivers return a dict of what they add to the contact's profile."""

contact_merging = Signal()
"""``merge``: receivers give the rows of its source to its target by ``merge.move`` and
``merge.move_entries``.

It is sent again for what came late; to undo a merge takes no receiver. An ``Absorption`` of
visitors is told in the same way.
"""

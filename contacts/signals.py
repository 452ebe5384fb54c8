"""The questions that contacts asks the apps above it, in the same transaction or answer."""

from django.dispatch import Signal

contact_described = Signal()
"""``contact``: receivers return a dict of what they add to the contact's profile."""

"""The pages of contacts, their segments and their mail in the admin."""

from contacts.admin import mail, people, segments, templates

__all__ = ["mail", "people", "segments", "templates"]  # Their pages register themselves.

"""The pages of contacts, their segments and their mail in the admin. They register themselves."""

from contacts.admin import accounts, mail, people, segments, templates

__all__ = [
    "accounts",
    "mail",
    "people",
    "segments",
    "templates",
]

"""What the API of contacts is, for the OpenAPI file and the docs: a module for each resource."""

from contacts.schema import contacts, ingestion, reports, segments, templates, topics

__all__ = ["contacts", "ingestion", "reports", "segments", "templates", "topics"]

"""The published contract: ``/openapi.json``, and the pages at ``/docs/``."""

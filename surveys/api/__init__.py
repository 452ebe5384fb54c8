"""The surveys of ``/v1``."""

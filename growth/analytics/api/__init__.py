"""``/v1/analytics``."""

"""What the hostile tests of the dialects stand on."""

from tests.growthgenius.conftest import genius, key, member

__all__ = ["genius", "key", "member"]

"""Pages in a real browser, at the real server: ``make test-browser``."""

import pytest

pytest.register_assert_rewrite("tests.browser.looking")

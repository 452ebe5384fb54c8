"""Every call of templates/docs/templates.md, replayed in its order."""

import json
import re
from typing import Any

from django.conf import settings

PAGE = settings.BASE_DIR / "templates" / "docs" / "templates.md"
EXAMPLE = re.compile(r"```http\n(\w+) (\S+)\n(.*?)```\s+```json\n(.*?)```", re.DOTALL)


def assert_holds(answer: Any, expected: Any) -> None:
    """Assert that the answer says all that the page says; it may say more."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in answer
            assert_holds(answer[name], value)
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict):
        for value in expected:
            assert value in answer
    else:
        assert answer == expected


def test_the_page_is_true(api):
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) == 5

    for method, path, body, expected in examples:
        answer = getattr(api, method.lower())(path, json.loads(body))
        assert_holds(answer.json(), json.loads(expected))

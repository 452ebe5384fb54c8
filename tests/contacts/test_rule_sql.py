"""What a caller writes reaches PostgreSQL as parameters, never as SQL."""

from datetime import UTC

import pytest

from contacts import rules
from contacts.rule_sql import matching, verdicts
from growth.models import Project
from tests.contacts.written_rules import HOSTILE, one
from tests.factories import AT


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "make",
    [
        lambda text: one(field=f"traits.{text}", op="eq", value=1),
        lambda text: one(field=f"traits.a.{text}", op="gt", value=1),
        lambda text: one(field="traits.a", op="eq", value=text),
        lambda text: one(field="traits.a", op="in", value=[text, 1]),
        lambda text: one(field="traits.a", op="contains", value=text),
        lambda text: one(field="traits.a", op="starts_with", value=text),
        lambda text: one(field=f"events.{text}", op="count_gte", value=2, window="7d"),
        lambda text: one(
            field="events.a",
            op="exists",
            where={"field": f"properties.{text}", "op": "eq", "value": text},
        ),
        lambda text: one(field="tags", op="contains", value=text),
        lambda text: one(field="email", op="eq", value=text),
        lambda text: one(field="phone", op="in", value=[text]),
        lambda text: one(field="segments", op="in", value=[text]),
    ],
)
def test_no_text_of_a_rule_gets_into_the_sql(make, text):
    project = Project(id=1, timezone="UTC")
    for compiled in (matching, verdicts):
        hostile = compiled(rules.parse(make(text), zone=UTC), project=project, at=AT)
        harmless = compiled(rules.parse(make("harmless"), zone=UTC), project=project, at=AT)

        assert hostile.text == harmless.text
        assert hostile.text.count("%s") == len(hostile.params)

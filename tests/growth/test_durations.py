from datetime import timedelta

import pytest

from growth import durations


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("0m", timedelta()),
        ("90s", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("2d", timedelta(days=2)),
        ("52w", timedelta(weeks=52)),
        ("366d", timedelta(days=366)),
    ],
)
def test_a_number_and_a_unit_are_a_duration(text, duration):
    assert durations.parse(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "d",
        "-1d",
        "1.5h",
        "٣d",
        "1 d",
        "1D",
        "367d",
        "9" * 9 + "w",
        "1d\n",
        None,
        7,
        ["1d"],
    ],
)
def test_anything_else_is_none(text):
    with pytest.raises(ValueError, match="duration"):
        durations.parse(text)

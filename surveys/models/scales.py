"""The scales that scores are on, and what a score is called.

NPS: 9 and 10 are promoters, 7 and 8 passives, 0 to 6 detractors (Reichheld, 2003). CSAT: 4 and 5
are satisfied, 3 is neutral, 1 and 2 are dissatisfied (the top two boxes of five).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

NPS = range(11)
CSAT = range(1, 6)

SCALES: Mapping[str, range] = MappingProxyType({"nps": NPS, "csat": CSAT})
"""The whole numbers that may be a score, by the type of the survey."""

_BANDS: Mapping[str, Sequence[tuple[str, range]]] = MappingProxyType(
    {
        "nps": (("promoter", range(9, 11)), ("passive", range(7, 9)), ("detractor", range(7))),
        "csat": (
            ("satisfied", range(4, 6)),
            ("neutral", range(3, 4)),
            ("dissatisfied", range(1, 3)),
        ),
    }
)
ENDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"nps": ("Not at all likely", "Extremely likely"), "csat": ("Very poor", "Very good")}
)
"""What the least and the greatest score mean, in words."""


def category(type: str, score: int | None) -> str:
    """Return what a score is called on a scale of this type; empty where it has no name."""
    bands = _BANDS.get(type, ())
    return next((name for name, scores in bands if score in scores), "")


def categories(type: str) -> list[str]:
    """Return what scores are called on a scale of this type, the best first."""
    return [name for name, _ in _BANDS.get(type, ())]

"""What the clock does for counts."""

from datetime import datetime

from growth.analytics import rollups, scores
from growth.sweeps import sweep


@sweep(slots=1)
def fold_totals(*, at: datetime) -> int:
    """Fold what happened into daily totals."""
    return rollups.fold_next(at=at)


@sweep(slots=1)
def keep_people(*, at: datetime) -> int:
    """Keep who did what on days that are over."""
    return rollups.people_next(at=at)


@sweep(slots=1)
def keep_scores(*, at: datetime) -> int:
    """Keep how scores are spread, once a day."""
    return scores.keep_next(at=at)

"""Ratios of interleaved rounds: the only numbers that hold on a machine that others use too."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

ROUNDS = 5


@dataclass(frozen=True)
class Ratio:
    """One comparison: ``value`` is to be ``at_least`` or ``at_most`` its bar, at full size.

    A smaller size proves only that nothing is badly wrong: there, half a bar is enough.
    """

    name: str
    value: float
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    def holds(self, *, is_small: bool) -> bool:
        """Tell whether the bar is met."""
        slack = 2 if is_small else 1
        if self.at_least is not None:
            return self.value >= self.at_least / slack
        return self.value <= (self.at_most or 0) * slack

    def __str__(self) -> str:
        bar = f"≥ {self.at_least}" if self.at_least is not None else f"≤ {self.at_most}"
        return f"{self.name:<64} {self.value:>8.2f}  bar {bar:<8} {self.note}"


@dataclass(frozen=True)
class Absent:
    """A peer that is not here to compare with."""

    name: str

    def holds(self, *, is_small: bool) -> bool:
        """Tell that nothing is missed."""
        return True

    def __str__(self) -> str:
        return f"{self.name:<64} not installed"


Contender = Callable[[], float]
"""Does its work once and returns how many units of it a second that was."""


def paced(work: Callable[[], int]) -> Contender:
    """Return a contender of work that returns how many units it did."""

    def run() -> float:
        start = time.perf_counter()
        units = work()
        return units / (time.perf_counter() - start)

    return run


def at_once(work: Callable[[int], int], count: int = 8) -> Callable[[], int]:
    """Return work done by so many threads at once, each of which is told its number."""

    def run() -> int:
        with ThreadPoolExecutor(count) as threads:
            return sum(threads.map(work, range(count)))

    return run


def rounds(contenders: Mapping[str, Contender], count: int = ROUNDS) -> list[dict[str, float]]:
    """Run the contenders in turn, round by round, after one round that does not count."""
    results = []
    for number in range(count + 1):
        result = {name: contender() for name, contender in contenders.items()}
        if number:
            results.append(result)
    return results


def ratio(results: list[dict[str, float]], ours: str, theirs: str) -> float:
    """Return the median over the rounds of our pace to theirs."""
    return median(result[ours] / result[theirs] for result in results)

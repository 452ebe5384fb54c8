"""What others on the same host took from this machine while a bench ran."""

from pathlib import Path

_TIMES = Path("/proc/stat")
_STEAL = 7  # its place among the times of all processors: see proc(5)


class Steal:
    """Counts, from now on, how much of the processors' time the host gave to others. Comparisons of
    several processes, and of waiting, are no better than that is small.
    """

    def __init__(self) -> None:
        self._began = _times()

    def share(self) -> float:
        """Return the stolen part of the time since; 0 where the system does not say."""
        spent = [now - then for now, then in zip(_times(), self._began, strict=True)]
        return spent[_STEAL] / sum(spent) if len(spent) > _STEAL and sum(spent) else 0.0


def _times() -> list[int]:
    if not _TIMES.exists():
        return []
    return [int(ticks) for ticks in _TIMES.read_text().split("\n", 1)[0].split()[1:9]]

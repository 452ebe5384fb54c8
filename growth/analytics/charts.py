"""Answers as SVG: pictures that need no script, take the colour of the text around them, and say in
words what they show.
"""

import hashlib
from collections.abc import Iterable, Mapping
from math import ceil, log10
from typing import Any

from django.utils.html import escape

from growth.analytics.questions import QueryType

WIDTH = 760
_COLOURS = ("#0d9488", "#d97706", "#6366f1", "#db2777", "#65a30d", "#0284c7", "#b45309", "#7c3aed")
_HEIGHT, _LEFT, _TOP, _BOTTOM = 280, 64, 16, 40
_ROW, _CELL, _FIRST = 44, 52, 150
_MOST_CELLS = 13
_MOST_LABELS = 8
_DASHED = ' stroke="currentColor" stroke-opacity=".5" stroke-dasharray="3 3"'


def chart(answer: Mapping[str, Any]) -> str:
    """Return the picture of the answer to a query."""
    if answer["type"] == QueryType.FUNNEL:
        return funnel_chart("Funnel", answer["data"])
    if answer["type"] == QueryType.COHORT_RETENTION:
        return retention_chart("Retention", answer["data"])
    return time_chart(str(answer["type"]).replace("_", " ").capitalize(), answer)


def time_chart(title: str, answer: Mapping[str, Any]) -> str:
    """Return bars by time, or a line for each group; what is not over is pale."""
    data = answer["data"]
    names = list(data[0]["groups"]) if data and "groups" in data[0] else []
    shown = names[: len(_COLOURS)]
    values = [[each["groups"][name] for each in data] for name in shown]
    values = values or [[each.get("count", 0) for each in data]]
    top = _round_up(max([0, *(value for series in values for value in series)]))
    height = _HEIGHT + (22 * ceil(len(shown) / 4) if shown else 0)
    parts = [*_grid(top), *_dates([each["date"] for each in data])]
    if names:
        parts += [_line(series, top, _COLOURS[n]) for n, series in enumerate(values)]
        parts += list(_legend(shown))
    else:
        parts += list(_bars(values[0], top, [each["date"] for each in data], answer))
    words = f"{len(data)} buckets, {answer['total']:,} in all."
    if len(names) > len(shown):
        words += f" The {len(shown)} greatest of {len(names)} groups are drawn."
    return _svg(title, words, height, parts)


def funnel_chart(title: str, steps: list[Mapping[str, Any]]) -> str:
    """Return a bar for each step; who may still go on is pale behind it."""
    most = max([1, *(step["count"] for step in steps)])
    room = WIDTH - 200 - 130
    parts = []
    for number, step in enumerate(steps):
        y, length = 12 + number * _ROW, room * step["count"] / most
        share = f"{step['conversion_from_start']:.1%}"
        waiting = room * step["in_progress"] / most
        tip = (
            f"{step['event']}: {step['count']:,} people, {share} of the first step;"
            f" {step['drop_off']:,} went no further, {step['in_progress']:,} still may."
        )
        parts += [
            _text(0, y + 20, f"{number + 1}. {_cut(step['event'], 24)}"),
            f'<rect x="200" y="{y}" width="{room}" height="30" rx="4" fill="currentColor"'
            ' fill-opacity=".06"/>',
            f'<rect x="200" y="{y}" width="{length:.1f}" height="30" rx="4" fill="{_COLOURS[0]}">'
            f"<title>{escape(tip)}</title></rect>",
            f'<rect x="{200 + max(0, length - waiting):.1f}" y="{y}" width="{waiting:.1f}"'
            f' height="30" rx="4" fill="{_COLOURS[1]}" fill-opacity=".8"/>',
            _text(200 + room + 10, y + 20, f"{step['count']:,}", weight=600),
            _text(WIDTH, y + 20, share, anchor="end", opacity=0.7),
        ]
    y = 24 + len(steps) * _ROW
    parts += [
        f'<rect x="200" y="{y - 9}" width="10" height="10" rx="2" fill="{_COLOURS[1]}"/>',
        _text(216, y, "in progress: may still go on", size=12, opacity=0.7),
    ]
    last = steps[-1]["conversion_from_start"] if steps else 0
    words = "; ".join(f"{step['event']} {step['count']:,}" for step in steps)
    return _svg(title, f"{words}. {last:.1%} came to the last step.", y + 12, parts)


def retention_chart(title: str, cohorts: list[Mapping[str, Any]]) -> str:
    """Return a row for each cohort, and in it a cell for each period: the darker, the more came
    back. What is not over has a dashed edge.
    """
    count = max([0, *(len(cohort["cells"]) for cohort in cohorts)])
    shown = min(count, _MOST_CELLS)
    width = max(WIDTH, _FIRST + shown * _CELL)
    parts = [_text(0, 18, "cohort", size=12, opacity=0.7)]
    parts += [_text(_FIRST - 12, 18, "people", size=12, opacity=0.7, anchor="end")]
    parts += [
        _text(_FIRST + (n + 0.5) * _CELL, 18, str(n), size=12, opacity=0.7, anchor="middle")
        for n in range(shown)
    ]
    for number, cohort in enumerate(cohorts):
        y = 28 + number * 32
        parts += [
            _text(0, y + 19, cohort["start"], size=13),
            _text(_FIRST - 12, y + 19, f"{cohort['size']:,}", size=13, anchor="end"),
        ]
        for place, cell in enumerate(cohort["cells"][:shown]):
            parts += _cell(cell, _FIRST + place * _CELL, y)
    words = f"{len(cohorts)} cohorts by {count} periods; each cell is the share that came back."
    if count > shown:
        words += f" The first {shown} periods are drawn."
    return _svg(title, words, 36 + len(cohorts) * 32, parts, width)


def _cell(cell: Mapping[str, Any], x: float, y: float) -> list[str]:
    rate = cell["rate"]
    edge = (
        ""
        if cell["complete"]
        else ' stroke="currentColor" stroke-opacity=".5" stroke-dasharray="3 3"'
    )
    told = f"period {cell['period']}: {cell['retained']:,} of {cell['eligible']:,}"
    words = "–" if rate is None else f"{rate:.0%}"
    return [
        f'<rect x="{x + 1}" y="{y}" width="{_CELL - 2}" height="29" rx="4"'
        f' fill="{_COLOURS[0]}" fill-opacity="{0.08 + 0.47 * (rate or 0):.2f}"{edge}>'
        f"<title>{told}</title></rect>",
        _text(x + _CELL / 2, y + 19, words, size=12, anchor="middle"),
    ]


def _bars(
    values: list[int], top: int, dates: list[str], answer: Mapping[str, Any]
) -> Iterable[str]:
    room, height = WIDTH - _LEFT, _HEIGHT - _TOP - _BOTTOM
    step = room / max(1, len(values))
    pale = set(answer["incomplete"])
    for number, (value, date) in enumerate(zip(values, dates, strict=True)):
        tall = height * value / top
        opacity = ' fill-opacity=".45"' if date in pale else ""
        note = " so far" if date in pale else ""
        yield (
            f'<rect x="{_LEFT + number * step + step * 0.1:.1f}" y="{_TOP + height - tall:.1f}"'
            f' width="{max(step * 0.8, 0.5):.1f}" height="{tall:.1f}" rx="1.5"'
            f' fill="{_COLOURS[0]}"{opacity}><title>{date}: {value:,}{note}</title></rect>'
        )


def _line(values: list[int], top: int, colour: str) -> str:
    room, height = WIDTH - _LEFT, _HEIGHT - _TOP - _BOTTOM
    step = room / max(1, len(values))
    points = " ".join(
        f"{_LEFT + (n + 0.5) * step:.1f},{_TOP + height - height * value / top:.1f}"
        for n, value in enumerate(values)
    )
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"'
        ' stroke-linejoin="round" stroke-linecap="round"/>'
    )


def _grid(top: int) -> Iterable[str]:
    height = _HEIGHT - _TOP - _BOTTOM
    for part in range(5):
        y = _TOP + height - height * part / 4
        value = top * part / 4
        yield (
            f'<line x1="{_LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor"'
            ' stroke-opacity=".15"/>'
        )
        if value == int(value):
            yield _text(_LEFT - 10, y + 4, f"{int(value):,}", size=12, opacity=0.7, anchor="end")


def _dates(dates: list[str]) -> Iterable[str]:
    step = (WIDTH - _LEFT) / max(1, len(dates))
    every = max(1, ceil(len(dates) / _MOST_LABELS))
    for number in range(0, len(dates), every):
        x, date = _LEFT + (number + 0.5) * step, dates[number].removesuffix(":00Z")
        words = date.replace("T", " ")[5:] if "T" in date else date
        if x < WIDTH - 40:
            yield _text(x, _HEIGHT - _BOTTOM + 22, words, size=12, opacity=0.7, anchor="middle")


def _legend(names: list[str]) -> Iterable[str]:
    for number, name in enumerate(names):
        x, y = _LEFT + number % 4 * 172, _HEIGHT + number // 4 * 22
        yield f'<rect x="{x}" y="{y - 9}" width="10" height="10" rx="2" fill="{_COLOURS[number]}"/>'
        yield _text(x + 16, y, _cut(name, 20), size=12)


def _text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 14,
    weight: int = 400,
    anchor: str = "start",
    opacity: float = 1,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor="{anchor}" fill="currentColor" fill-opacity="{opacity}">'
        f"{escape(words)}</text>"
    )


def _svg(title: str, words: str, height: float, parts: Iterable[str], width: float = WIDTH) -> str:
    mark = hashlib.sha256(f"{title} {words}".encode()).hexdigest()[:8]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' role="img" aria-labelledby="t{mark} d{mark}" font-family="Inter, system-ui, sans-serif"'
        f' style="width:100%;max-width:{width:.0f}px;height:auto">'
        f'<title id="t{mark}">{escape(title)}</title><desc id="d{mark}">{escape(words)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _round_up(value: int) -> int:
    """Return a round number that is not below the value, and that four divides."""
    if value <= 4:
        return 4
    unit = 10 ** int(log10(value))
    return next(
        int(unit * part / 10)
        for part in (12, 16, 20, 24, 32, 40, 60, 80, 100)
        if unit * part / 10 >= value and unit * part % 40 == 0
    )


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"

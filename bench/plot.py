"""A run's figures as a picture: how each stands to what it must show, and what an event costs as the contacts grow."""

from collections.abc import Iterator, Sequence
from math import log10
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 760
LEFT: Final = 250
ROW: Final = 26
SCALE: Final = 190
"""Where the bound is, of each bar: as far as a figure that just shows what it must."""
MOST: Final = 2.3
"""A bar ends here at the latest, times the bound."""
TOP: Final = 50
CURVES: Final = 220
GOOD, BAD, INK, GREY = "#2e7d32", "#c62828", "#222222", "#bbbbbb"

Bar = tuple[str, float, float, bool]
"""Its name, the figure, the bound, and whether more is better."""
Cost = tuple[int, float, float]
"""Contacts, and what an event costs with them: processor time and clock, µs."""


def drawn(bars: Sequence[Bar], costs: Sequence[Cost]) -> str:
    """The picture, as SVG."""
    below = TOP + ROW * len(bars) + 60
    height = below + (CURVES + 60 if costs else 0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(12, 24, "What must be shown (the line), and what was", weight="bold"),
        *_bars(bars),
        *(_curves(costs, below) if costs else ()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bars(bars: Sequence[Bar]) -> Iterator[str]:
    for number, (name, figure, bound, more_is_better) in enumerate(bars):
        y = TOP + ROW * number
        met = figure >= bound if more_is_better else figure <= bound
        long = min(figure / bound, MOST) * SCALE
        sign = "≥" if more_is_better else "≤"
        yield _text(LEFT - 8, y + 14, name, anchor="end")
        yield f'<rect x="{LEFT}" y="{y}" width="{long:.1f}" height="18" fill="{GOOD if met else BAD}"/>'
        yield _text(LEFT + long + 6, y + 14, f"{figure:g} (must be {sign} {bound:g})")
    end = TOP + ROW * len(bars)
    place = f'x1="{LEFT + SCALE}" y1="{TOP - 6}" x2="{LEFT + SCALE}" y2="{end}"'
    yield f'<line {place} stroke="{INK}" stroke-dasharray="4"/>'


def _curves(costs: Sequence[Cost], top: int) -> Iterator[str]:
    highest = max(max(cpu, clock) for _, cpu, clock in costs) * 1.15
    low, high = log10(costs[0][0]), log10(costs[-1][0])

    def place(contacts: int, cost: float) -> tuple[float, float]:
        across = (log10(contacts) - low) / ((high - low) or 1)
        return 90 + across * (WIDTH - 220), top + 20 + CURVES * (1 - cost / highest)

    floor = top + 20 + CURVES
    yield _text(12, top, "An event's cost by contacts, µs", weight="bold")
    yield f'<line x1="90" y1="{floor}" x2="{WIDTH - 120}" y2="{floor}" stroke="{GREY}"/>'
    for label, which, colour in (("processor time", 1, GOOD), ("clock", 2, INK)):
        points = [place(each[0], float(each[which])) for each in costs]
        yield f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="none" stroke="{colour}"/>'
        for (x, y), each in zip(points, costs, strict=True):
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
            yield _text(x, y - 8, f"{each[which]:g}", anchor="middle")
        yield _text(points[-1][0] + 10, points[-1][1] + 4, label)
    for contacts, *_ in costs:
        yield _text(place(contacts, 0)[0], floor + 18, f"{contacts:,}", anchor="middle")


def _text(x: float, y: float, words: str, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text {place} fill="{INK}">{escape(words)}</text>'

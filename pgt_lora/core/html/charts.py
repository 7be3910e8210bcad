"""Every chart of pages and figures, as SVG that needs no style sheet: the same axes, intervals and colors in all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from pgt_lora.core.html.svg import FONT, INK, line, rect, svg, tag, text_at, told

# Told apart by readers who see fewer colors, and seen on the white of a page as on the dark.
PALETTE = ("#1a7dbd", "#d55e00", "#4c9f9e", "#c22990", "#877af7", "#a54b55", "#f26074", "#4862ed")
WIDTH, HEIGHT, SMALL_FONT = 340, 190, 8.5  # px, which a page scales by little
LETTER = 0.6  # the width of a letter, in font sizes
MAP, MARGIN = 240, 28  # px of a map's side, and of the histograms beside it
MAX_TINT = 0.6  # what is written on it can still be read
ROW = 14  # px high, for a chart in a row of a table
SOLID = 0.75  # of a bar, so that the interval is seen on it
PERCENT = ((0.0, "0"), (0.5, "50"), (1.0, "100"))
# What the trainer logs, and how it is printed.
LOGGED = {
    "loss": ("Training loss", "%.2f"), "mean_token_accuracy": ("Token accuracy", "%.2f"),
    "learning_rate": ("Learning rate", "%.1e"), "grad_norm": ("Gradient norm", "%.2f"),
}  # fmt: skip
Interval = tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """A measurement: `x`, `y` and its interval as shares of the axes, what a pointer is told, and its dot's radius."""

    x: float
    y: float
    interval: Interval | None = None
    words: str = ""
    radius: float = 0.0


@dataclass(frozen=True)
class Series:
    """Marks of one color, with a line through them or as bars of that share of the axis; faint: dotted, or pale.

    `name` is for the legend, `words` is what a pointer is told of the line.
    """

    marks: Sequence[Mark]
    color: str = PALETTE[0]
    name: str = ""
    words: str = ""
    is_faint: bool = False
    bar: float = 0.0


@dataclass(frozen=True)
class Square:
    """A cell of a map: its tint as a share, what a pointer is told, what is written on it, and a color of its own."""

    column: int
    row: int
    tint: float
    words: str
    text: str = ""
    color: str | None = None


def colors(names: Iterable[str]) -> dict[str, str]:
    """Return the color of every name by its place; the ninth has that of the first."""
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(names)}


def bar(
    words: str, value: float, interval: Interval | None = None, tick: float | None = None, color: str = PALETTE[0]
) -> Markup:
    """Draw a bar from 0 to 1, as wide as its place is, with its interval and a tick at chance."""
    drawn = rect(0, 1, _at(value), ROW - 2, color, SOLID)
    drawn += line(_at(tick), 0, _at(tick), ROW, dash="2 2") if tick is not None else Markup()
    return _row(words, drawn + (_across(interval, INK) if interval else Markup()))


def difference(words: str, value: float, interval: Interval, most: float, color: str = PALETTE[0]) -> Markup:
    """Draw a difference as a dot with its interval, on an axis from -most to +most with a line at 0."""
    at, *ends = ((1 + each / most) / 2 for each in (value, *interval))
    dot = tag("circle", cx=_at(at), cy=ROW / 2, r=4, fill=color)
    return _row(words, line("50%", 0, "50%", ROW, opacity=0.5) + _across(ends, color) + dot)


def plot(
    title: str,
    series: Sequence[Series],
    x_labels: Sequence[tuple[float, str]],
    y_labels: Sequence[tuple[float, str]] = PERCENT,
    chances: Sequence[tuple[float, float, float]] = (),
    size: tuple[float, float] = (WIDTH, HEIGHT),
    top: float = 8,
) -> Markup:
    """Draw series on axes from 0 to 1, with a dashed line at each chance: from x, to x, at y. Names make a legend.

    A label of x may have several lines. Where labels would meet, they are smaller, and then some are left out.
    """
    named = [each for each in series if each.name]
    left = 8 + FONT * LETTER * max(len(text) for _, text in y_labels)
    right = 26 + FONT * LETTER * max(len(each.name) for each in named) if named else 10
    width = size[0] - left - right
    height = size[1] - top - 8 - 1.25 * FONT * max(text.count("\n") + 1 for _, text in x_labels)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + width * x, top + height * (1 - y)

    drawn = _x_labels([(place(x, 0)[0], text) for x, text in x_labels], top + height + 2, (left, size[0] - right + 8))
    for y, text in y_labels:
        drawn += line(*place(0, y), *place(1, y), opacity=0.15) + text_at(left - 5, place(0, y)[1] + 4, text, "end")
    for each in series:
        drawn += _series(each, place)
    for start, end, y in chances:
        drawn += line(*place(start, y), *place(end, y), dash="4 3", opacity=0.8)
    for index, each in enumerate(named):
        down = top + 1.5 * FONT * index
        drawn += rect(left + width + 8, down, 8, 8, each.color, SOLID)
        drawn += text_at(left + width + 20, down + 8, each.name)
    return svg(title, drawn, *size)


def logged(runs: Sequence[Mapping[str, Any]], color_of: Mapping[str, str]) -> list[tuple[str, Markup]]:
    """Draw what was logged, with captions: a line for each run, which is its `arm`, `seed` and log, `loss`."""
    drawn = []
    for field, (name, form) in LOGGED.items():
        logs = [(run, [entry for entry in run.get("loss", ()) if field in entry]) for run in runs]
        logs = [(run, log) for run, log in logs if log]
        top = max((entry[field] for _, log in logs for entry in log), default=1.0) or 1.0
        steps = max((entry["step"] for _, log in logs for entry in log), default=1)
        lines = []
        for run, log in logs:
            words = f"{form % log[0][field]} → {form % log[-1][field]}"
            words = words if run["seed"] is None else f"{run['arm']}, seed {run['seed']}: {words}"
            marks = [Mark(entry["step"] / steps, entry[field] / top) for entry in log]
            lines.append(Series(marks, color_of[run["arm"]], words=words))
        if lines:
            title = "; ".join([f"{name} up to step {steps:,}", *(each.words for each in lines)])
            y_labels = [(share, form % (share * top)) for share in (0, 0.5, 1)]
            caption = f"{name}: {lines[0].words}" if len(lines) == 1 else name
            drawn.append((caption, plot(title, lines, [(1, f"step {steps:,}")], y_labels)))
    return drawn


def grid(
    title: str,
    size: int,
    squares: Iterable[Square],
    color: str = PALETTE[0],
    lines: Iterable[int] = (),
    margins: tuple[Sequence[float], Sequence[float]] = ((), ()),
) -> Markup:
    """Draw a map of size x size cells, with lines before some of them, and bars of a share over columns and by rows."""
    step, edge = MAP / size, MARGIN if margins[0] else 0
    drawn = rect(0, edge, MAP, MAP, INK, 0.07)
    for each in squares:
        x, y = each.column * step, edge + each.row * step
        cell = rect(x + 0.5, y + 0.5, step - 1, step - 1, each.color or color, each.tint * MAX_TINT)
        drawn += told(each.words, cell + text_at(x + step / 2, y + step / 2 + 4, each.text, "middle"))
    for at in lines:
        drawn += line(at * step, edge, at * step, edge + MAP) + line(0, edge + at * step, MAP, edge + at * step)
    for place, share in enumerate(margins[0]):
        tall = share * (MARGIN - 2)
        drawn += rect(place * step + 0.5, edge - 1 - tall, step - 1, tall, color, SOLID)
    for place, share in enumerate(margins[1]):
        drawn += rect(MAP + 1, edge + place * step + 0.5, share * (MARGIN - 2), step - 1, color, SOLID)
    return svg(title, drawn, MAP + edge, MAP + edge)


def _series(series: Series, place: Any) -> Markup:
    drawn = Markup()
    if not series.bar:
        points = " ".join("{:.1f},{:.1f}".format(*place(mark.x, mark.y)) for mark in series.marks)
        dash = {"stroke_dasharray": "1.5 3"} if series.is_faint else {}
        path = tag("polyline", points=points, fill="none", stroke=series.color, stroke_width=1.5, **dash)
        drawn = told(series.words, path)
    for mark in series.marks:
        (x, y), (_, floor), color = place(mark.x, mark.y), place(0, 0), INK if series.bar else series.color
        shown = tag("circle", cx=x, cy=y, r=mark.radius, fill=series.color) if mark.radius else Markup()
        if series.bar:
            wide = place(series.bar, 0)[0] - place(0, 0)[0]
            shade = SOLID / 2 if series.is_faint else SOLID
            shown = rect(x - wide / 2, y, wide, floor - y, series.color, shade)
        if mark.interval:
            low, high = (place(0, each)[1] for each in mark.interval)
            shown += line(x, low, x, high, color)
            shown += line(x - 2, low, x + 2, low, color) + line(x - 2, high, x + 2, high, color)
        drawn += told(mark.words, shown)
    return drawn


def _x_labels(labels: Sequence[tuple[float, str]], top: float, ends: tuple[float, float]) -> Markup:
    letters = [max(map(len, text.split("\n"))) for _, text in labels]
    step = min((after - at for (at, _), (after, _) in pairwise(labels)), default=ends[1] - ends[0])
    font = min(FONT, max(SMALL_FONT, step / LETTER / (max(letters) + 1.1)))
    drawn, free = Markup(), ends[1]
    for (at, text), length in reversed(list(zip(labels, letters, strict=True))):  # the last one is always there
        half = font * LETTER * length / 2
        middle = max(min(at, ends[1] - half), ends[0] + half)
        if middle + half <= free:
            free = middle - half - font * LETTER
            for index, line in enumerate(text.split("\n")):
                drawn += text_at(middle, top + FONT * (1.2 * index + 0.8), line, "middle", font)
    return drawn


def _row(words: str, drawn: Markup) -> Markup:
    return Markup('<svg class="row" height="{}" role="img"><title>{}</title>{}</svg>').format(ROW, words, drawn)


def _across(interval: Sequence[float], color: str) -> Markup:
    """Draw an interval in a row: the line, and a cap at each end."""
    low, high = map(_at, interval)
    caps = (line(each, ROW / 2 - 3, each, ROW / 2 + 3, color) for each in (low, high))
    return line(low, ROW / 2, high, ROW / 2, color) + Markup().join(caps)


def _at(share: float) -> str:
    return f"{100 * share:.1f}%"

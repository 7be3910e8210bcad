"""A page to look at a dataset with: what its manifest says, how its answers are distributed, and its first images."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from markupsafe import Markup

from pgt_lora.core.errors import InputError
from pgt_lora.core.html import render_page, write_page
from pgt_lora.core.html.charts import Square, colors, grid
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.sample import AnswerFormat, parse_point
from pgt_lora.data.shortcuts import looks
from pgt_lora.data.turns import Turn, turns

MAX_BARS = 20  # free text has as many answers as samples: beyond this, the rest is one bar
HEAT_BINS = 20  # a side


@dataclass(frozen=True)
class Audit:
    """What a model is trained on for one sample: its decoded sequence in spans of (text, supervised), and counts."""

    spans: tuple[tuple[str, bool], ...]
    num_tokens: int
    num_supervised: int


@dataclass(frozen=True)
class Bar:
    """How often one answer occurs; `width` is a share of the chart's longest bar."""

    label: str
    count: int
    percent: float
    width: float


@dataclass(frozen=True)
class Chart:
    """The answers to one template of a task: bars, or a heat map with the histograms of x and of y for points.

    `even` is where a bar of an even share would end, as a share of the longest bar; None where not all are shown.
    """

    task: str
    template: str
    answer_format: str
    total: int
    bars: tuple[Bar, ...] = ()
    even: float | None = None
    heat: Markup | None = None


@dataclass(frozen=True)
class Picture:
    """An image as models see it, inlined."""

    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Card:
    """One sample of the grid, with the turns before its answer; `point` is the answer where that is a place."""

    row: Mapping[str, Any]
    turns: tuple[Turn, ...]
    pictures: tuple[Picture, ...]
    point: tuple[float, float] | None
    audit: Audit | None


def write_preview(
    dataset_dir: Path,
    out: Path,
    num_images: int = 200,
    audit: Callable[[dict[str, Any]], Audit | None] | None = None,
) -> None:
    """Write one HTML page, needing nothing but itself, that shows a dataset directory; an older page is replaced.

    The distributions are those of all samples. The images are the first of each task, evenly over the tasks.
    `audit(row)` is asked what a model would be trained on; images in `row` are as stored: `{"bytes", "path"}`.

    Raises:
        InputError: the dataset directory is unfinished, `num_images` is below one, `out` is a directory, or an image
            cannot be read.
    """
    if num_images < 1:
        raise InputError(f"num_images {num_images}: at least one is needed")
    manifest = read_manifest(dataset_dir)
    dataset = open_dataset(dataset_dir)
    answers = dataset.select_columns(["task", "template", "answer_format", "answer"]).to_dict()
    counts = Counter(zip(*answers.values(), strict=True))
    for *key, possible in zip(*list(answers.values())[:3], dataset["choices"], strict=True):
        counts.update({(*key, answer): 0 for answer in possible or ()})
    rows = list(dataset.select(first_of_each(answers["task"], num_images)))  # their images encoded
    cards = [_card(row, audit) for row in rows]
    scenes = dataset.remove_columns("images")
    html = render_page(
        "preview.html.jinja",
        name=dataset_dir.resolve().name,
        manifest=manifest,
        facts=_facts(manifest),
        rejections=manifest.get("rejections"),
        colors=colors(manifest["counts"]),
        charts=charts(counts, colors(manifest["counts"])),
        looks=looks(scenes),
        shares=_supervised_shares(manifest["counts"], cards),
        cards=cards,
    )
    write_page(out, html)


def first_of_each(tasks: Iterable[str], num: int) -> list[int]:
    """Return at most `num` indices: the first of each task in turn, then the second of each, and so on."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for index, task in enumerate(tasks):
        places[task].append(index)
    turns = sorted((turn, task, index) for task in places for turn, index in enumerate(places[task][:num]))
    return [index for _, _, index in turns[:num]]


def charts(counts: Mapping[tuple[str, str, str, str], int], color_of: Mapping[str, str]) -> list[Chart]:
    """Return the charts for counts of (task, template, answer format, answer), in the order of their names."""
    answers: defaultdict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for (task, template, answer_format, answer), count in counts.items():
        answers[task, template, answer_format][answer] = count
    return [_chart(key, answers[key], color_of[key[0]]) for key in sorted(answers)]


def _chart(key: tuple[str, str, str], counts: Mapping[str, int], color: str) -> Chart:
    total = sum(counts.values())
    parsed = [(parse_point(answer), count) for answer, count in counts.items()]
    points = [(*point, count) for point, count in parsed if point]
    if key[-1] == AnswerFormat.POINT and len(points) == len(counts):
        return _heat(key, total, points, color)
    kept = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_BARS])
    shown = [(answer, kept[answer]) for answer in sorted(kept, key=_natural)]
    if len(counts) > len(kept):
        shown.append((f"{len(counts) - len(kept):,} others", total - sum(kept.values())))
    most = max(count for _, count in shown)
    bars = tuple(Bar(answer, count, 100 * count / total, count / most) for answer, count in shown)
    return Chart(*key, total, bars, even=total / len(counts) / most if len(counts) == len(kept) else None)


def _heat(key: tuple[str, str, str], total: int, points: Iterable[tuple[float, float, int]], color: str) -> Chart:
    cells: Counter[tuple[int, int]] = Counter()
    for x, y, count in points:
        cells[min(int(x * HEAT_BINS), HEAT_BINS - 1), min(int(y * HEAT_BINS), HEAT_BINS - 1)] += count
    most = max(cells.values())
    squares = [Square(i, j, count / most, f"{count:,}") for (i, j), count in sorted(cells.items())]
    title = "Where the points lie; (0, 0) is the top left of the image"
    return Chart(
        *key, total, heat=grid(title, HEAT_BINS, squares, color, margins=(_margin(cells, 0), _margin(cells, 1)))
    )


def _margin(cells: Mapping[tuple[int, int], int], axis: int) -> list[float]:
    sums: Counter[int] = Counter()
    for cell, count in cells.items():
        sums[cell[axis]] += count
    return [sums[i] / max(sums.values()) for i in range(HEAT_BINS)]


def _natural(answer: str) -> tuple[bool, float, str]:
    try:
        return False, float(answer), answer
    except ValueError:
        return True, 0.0, answer


def _facts(manifest: Mapping[str, Any]) -> dict[str, Any]:
    simple = {name: value for name, value in manifest["asked"].items() if not isinstance(value, dict | list | None)}
    simple.pop("num_samples", None)  # what was made counts
    made = {"samples": f"{manifest['num_samples']:,}"}
    return made | {name.replace("_", " "): value for name, value in simple.items()}


def _card(row: dict[str, Any], audit: Callable[[dict[str, Any]], Audit | None] | None) -> Card:
    return Card(
        row=row,
        turns=turns(row)[:-1],
        pictures=tuple(_picture(image, f"row {row['id']}") for image in row["images"]),
        point=parse_point(row["answer"]) if row["answer_format"] == AnswerFormat.POINT else None,
        audit=audit(row) if audit else None,
    )


def _supervised_shares(counts: Mapping[str, int], cards: Iterable[Card]) -> dict[str, float]:
    """Return each task's share of all supervised tokens, by the mean of its shown samples; none without audits."""
    shown: defaultdict[str, list[int]] = defaultdict(list)
    for card in cards:
        if card.audit:
            shown[card.row["task"]].append(card.audit.num_supervised)
    tokens = {task: counts[task] * fmean(numbers) for task, numbers in shown.items()}
    return {task: number / sum(tokens.values()) for task, number in tokens.items()}


def _picture(image: Mapping[str, Any], name: str) -> Picture:
    from pgt_lora.data.images import data_url, page_file, size_px

    return Picture(data_url(page_file(image, name)), *size_px(image, name))

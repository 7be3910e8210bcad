"""The charts of pages and figures: what is drawn lies where it was measured, and can be seen."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pgt_lora.core.html
from pgt_lora.core.html.charts import (
    PALETTE,
    WIDTH,
    Mark,
    Series,
    Square,
    bar,
    colors,
    difference,
    grid,
    logged,
    plot,
)


def luminance(color: str) -> float:
    values = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_color_is_seen_on_a_light_page_and_on_a_dark_one() -> None:
    assert len(set(PALETTE)) == len(PALETTE) == 8
    page = (Path(pgt_lora.core.html.__file__).parent / "page.html.jinja").read_text(encoding="utf-8")
    grounds = [each for each in re.findall(r"--surface: (#\w+);", page) if each != "#fff"]
    assert len(grounds) == 1
    for ground in ("#ffffff", *grounds):
        for color in PALETTE:
            low, high = sorted((luminance(color), luminance(ground)))
            assert (high + 0.05) / (low + 0.05) >= 3, (color, ground)  # of WCAG, for what is no text
    assert colors("abcdefghi")["i"] == colors("abcdefghi")["a"] == PALETTE[0]


def test_a_bar_has_its_interval_and_chance_in_percent_of_its_place() -> None:
    drawn = bar("a <b>", 0.5, (0.25, 0.75), 0.1)
    assert "<title>a &lt;b&gt;</title>" in drawn
    assert 'width="50.0%"' in drawn
    assert 'x1="25.0%" y1="7" x2="75.0%"' in drawn
    assert re.findall(r'x1="10.0%".*?stroke-dasharray', drawn)
    assert "stroke-dasharray" not in bar("a", 0.5, (0.25, 0.75))
    assert "<line" not in bar("a", 0.5)


def test_a_difference_of_nothing_lies_on_the_middle() -> None:
    drawn = difference("a", 0.0, (-0.1, 0.2), 0.2)
    assert 'cx="50.0%"' in drawn
    assert 'x1="25.0%" y1="7" x2="100.0%"' in drawn


def test_a_plot_puts_marks_between_its_labels_and_stays_inside() -> None:
    marks = [Mark(0.0, 0.0), Mark(1.0, 1.0, (0.5, 1.0), "the last", 3)]
    root = ElementTree.fromstring(plot("a plot", [Series(marks)], [(0, "first"), (1, "last")], chances=[(0, 1, 0.5)]))
    assert root[0].text == "a plot"
    heights = {each.text: float(each.get("y", 0)) - 4 for each in root.iter("text")}
    points = [tuple(map(float, each.split(","))) for each in next(root.iter("polyline")).get("points", "").split()]
    assert [y for _, y in points] == [round(heights["0"], 1), round(heights["100"], 1)]
    (dashed,) = (each for each in root.iter("line") if each.get("stroke-dasharray"))
    assert float(dashed.get("y1", 0)) == heights["50"]
    assert all(0 < float(each.get("x", 0)) < WIDTH for each in root.iter("text"))
    assert root.find("g/title").text == "the last"  # type: ignore[union-attr]
    whisker = root.find("g/line").attrib  # type: ignore[union-attr]
    assert [float(whisker[each]) for each in ("y1", "y2")] == [heights["50"], heights["100"]]


def test_labels_that_would_meet_are_smaller_and_then_left_out() -> None:
    def shown(names: list[str]) -> list[ElementTree.Element]:
        labels = [((place + 0.5) / len(names), name) for place, name in enumerate(names)]
        root = ElementTree.fromstring(plot("", [Series([Mark(0.5, 0.5)])], labels))
        return [each for each in root.iter("text") if each.get("text-anchor") == "middle"]

    def sizes(names: list[str]) -> set[float]:
        return {float(each.get("font-size", 0)) for each in shown(names)}

    assert [each.text for each in reversed(shown(["a", "b"]))] == ["a", "b"]
    bins = [f"0.{place}0–0.{place}9" for place in range(5)]
    assert len(shown(bins)) == 5
    assert sizes(["a", "b"]).pop() > sizes(bins).pop()
    layers = ["tower", "projector", *map(str, range(36))]
    assert "35" in (kept := [each.text for each in shown(layers)])
    assert 5 < len(kept) < len(layers)


def test_bars_stand_on_the_axis_beside_a_legend() -> None:
    series = [
        Series([Mark(0.25 + 0.5 * at, 0.5, (0.4, 0.6))], PALETTE[at], name, bar=0.4) for at, name in enumerate("ab")
    ]
    root = ElementTree.fromstring(plot("", series, [(0.25, "x"), (0.75, "y")]))
    bars = [each for each in root.iter("rect") if each.get("height") != "8"]
    assert [each.get("fill") for each in bars] == list(PALETTE[:2])
    assert len({float(each.get("y", 0)) + float(each.get("height", 0)) for each in bars}) == 1
    assert {"a", "b"} <= {each.text for each in root.iter("text")}


def test_what_is_logged_shares_its_axes_and_is_told() -> None:
    runs = [
        {"arm": "base", "seed": None},
        {"arm": "a", "seed": 0, "loss": [{"step": 5, "loss": 4.0}, {"step": 10, "loss": 2.0}]},
        {"arm": "b", "seed": 0, "loss": [{"step": 10, "loss": 1.0}]},
    ]
    ((caption, drawn),) = logged(runs, {"a": "#111111", "b": "#222222"})
    assert caption == "Training loss"
    assert "Training loss up to step 10; a, seed 0: 4.00 → 2.00; b, seed 0: 1.00 → 1.00" in drawn
    root = ElementTree.fromstring(drawn)
    lines = {each.get("stroke"): each.get("points", "").split() for each in root.iter("polyline")}
    (left, top), (right, middle) = (map(float, each.split(",")) for each in lines["#111111"])
    ((end, low),) = (tuple(map(float, each.split(","))) for each in lines["#222222"])
    assert end == right > left
    assert round(2 * (low - top) - 3 * (middle - top)) == 0
    assert {"4.00", "2.00", "0.00", "step 10"} == {each.text for each in root.iter("text")}


def test_a_map_has_its_squares_lines_and_histograms_at_their_places() -> None:
    root = ElementTree.fromstring(grid("a map", 4, [Square(1, 2, 0.5, "half", "50")], lines=[2]))
    (square,) = (each for each in root.iter("rect") if each.get("width") == "59")
    assert (square.get("x"), square.get("y"), square.get("opacity")) == ("60.5", "120.5", "0.3")
    assert len(list(root.iter("line"))) == 2
    beside = ElementTree.fromstring(grid("", 4, [], margins=([1, 0, 0, 0], [0, 0, 0, 0.5])))
    assert [each.get("height") for each in beside.iter("rect")][1:5] == ["26", "0", "0", "0"]
    assert [each.get("width") for each in beside.iter("rect")][5:] == ["0", "0", "0", "13"]

"""Scenes of the tasks keep their margins."""

from collections import Counter
from itertools import combinations
from math import dist

import numpy as np
import pytest
from scipy.stats import ks_2samp

from pgt_lora.data.scene import Box, Canvas, Circle, Figure, Scene
from pgt_lora.data.tasks import absolute_position, analogy, coordinates, distance, relation
from tests.support.discovered import TASKS
from tests.support.scenes import CANVASES, extent, scenes


@pytest.mark.parametrize("size", CANVASES)
@pytest.mark.parametrize("task", TASKS)
def test_nothing_leaves_the_canvas_or_touches(task: str, size: str) -> None:
    for _, scene in scenes(task, size):
        shapes = [*scene.boxes, *scene.circles, *scene.figures]
        left, top, right, bottom = np.array([extent(shape) for shape in shapes]).T
        assert min(left.min(), top.min()) >= 0
        assert right.max() <= scene.canvas.width
        assert bottom.max() <= scene.canvas.height
        for first, second in combinations(scene.circles, 2):
            assert dist(first.center, second.center) >= first.radius + second.radius + 1
        for a, b in combinations(map(extent, [*scene.boxes, *scene.figures]), 2):
            assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


@pytest.mark.parametrize("size", CANVASES)
def test_the_nearest_is_clearly_nearest(size: str) -> None:
    for question, scene in scenes("distance", size):
        place = {circle.label: circle.center for circle in scene.circles}
        target = place.pop(question.about["target"])
        nearest, following, _ = sorted((dist(target, center), label) for label, center in place.items())
        assert nearest[1] == question.answer
        assert nearest[0] <= 0.75 * following[0]
        radius = {circle.label: circle.radius for circle in scene.circles}
        edges = sorted((dist(place[label], target) - radius[label], label) for label in place)
        assert edges[0][1] == question.answer
        assert edges[1][0] - edges[0][0] >= 0.03 * scene.canvas.short_side


@pytest.mark.parametrize("size", CANVASES)
def test_labeled_circles_are_of_several_sizes(size: str) -> None:
    for task in ("distance", "analogy"):
        radii = [sorted(circle.radius for circle in scene.circles) for _, scene in scenes(task, size, 100)]
        assert sum(each[-1] > 1.15 * each[0] for each in radii) > 60


def test_groups_of_every_rank_are_counted() -> None:
    """Where two other groups are as large as the options say, the asked one is the largest in a third, and so on."""
    ranks: Counter[int] = Counter()
    zeros = 0
    for question, scene in scenes("counting", "448", 600):
        sizes = Counter(circle.color for circle in scene.circles)
        asked = int(question.about["answer"])
        assert sizes[question.about["color"]] == asked
        zeros += asked == 0
        others = sorted((size for color, size in sizes.items() if color != question.about["color"]), reverse=True)
        ranks[sum(size > asked for size in others[:2])] += 1
    assert 30 < zeros < 90
    assert all(120 < ranks[rank] < 280 for rank in range(3))


def test_asked_boxes_are_no_nearer_to_the_edge_than_others() -> None:
    margins: dict[str, list[float]] = {"asked": [], "other": []}
    for question, scene in scenes("coordinates", "448", 600):
        for box in scene.boxes:
            left, top, right, bottom = extent(box)
            margin = min(left, top, scene.canvas.width - right, scene.canvas.height - bottom)
            margins["asked" if box.color == question.about["color"] else "other"].append(margin / 448)
    assert min(map(min, margins.values())) >= 0.02
    assert ks_2samp(margins["asked"], margins["other"]).pvalue > 1e-3


@pytest.mark.parametrize("size", CANVASES)
def test_relations_hold_by_a_margin(size: str) -> None:
    for question, scene in scenes("relation", size):
        by_color = {box.color: box for box in scene.boxes}
        a, b = by_color[question.about["color_a"]], by_color[question.about["color_b"]]
        axis = 0 if question.about["answer"] in ("left", "right") else 1
        first, second = (a, b) if question.about["answer"] in ("left", "above") else (b, a)
        assert extent(second)[axis] - extent(first)[axis + 2] >= 0.03 * scene.canvas.short_side
        offset = np.abs(np.subtract(a.center, b.center))
        if question.template == "A bare":  # nothing but the image tells the axis
            assert offset[1 - axis] <= 0.5 * offset[axis]
        else:
            assert offset[1 - axis] <= 0.3 * scene.canvas.short_side + 1


def test_pairs_are_diagonal_where_the_wording_names_the_axis() -> None:
    diagonal = {"bare": 0, "named": 0}
    for question, scene in scenes("relation", "448"):
        across, along = sorted(np.abs(np.subtract(*(box.center for box in scene.boxes))))
        diagonal["bare" if question.template == "A bare" else "named"] += across > 0.6 * along
    assert diagonal["bare"] == 0
    assert diagonal["named"] > 50


def test_doubt_is_called_ambiguous() -> None:
    canvas, here = Canvas(448, 448), {"target": "A", "color": "red", "color_a": "red", "color_b": "blue"}
    diagonal = Scene(canvas, (Box("red", 10, 10, 100, 100), Box("blue", 200, 200, 300, 300)))
    beside = Scene(canvas, (Box("red", 10, 10, 100, 100), Box("blue", 200, 95, 300, 300)))
    assert relation.solve(diagonal, here | {"axis": "any"}) == "ambiguous"
    assert relation.solve(diagonal, here | {"axis": "across"}) == "left"
    assert relation.solve(diagonal, here | {"axis": "down"}) == "above"
    assert relation.solve(beside, here | {"axis": "down"}) == "ambiguous"
    cross = [
        Circle("red", 200 + x, 200 + y, 20, 1.0, label)
        for label, x, y in zip("ABCD", (0, 90, -95, 0), (0, 0, 0, 150), strict=True)
    ]
    assert distance.solve(Scene(canvas, (), tuple(cross)), here) == "ambiguous"
    assert analogy.solve(Scene(canvas, (), tuple(cross)), here) == "ambiguous"
    half = Scene(Canvas(200, 200), (Box("red", 30, 30, 80, 80),))  # centre: (0.2775, 0.2775)
    assert coordinates.solve(half, here) == "(0.28, 0.28)"
    assert coordinates.solve(Scene(Canvas(200, 200), (Box("red", 30, 30, 79, 79),)), here) == "ambiguous"
    between = Scene(Canvas(90, 90), figures=(Figure("red", "star", 26, 10, 10),))
    twins = Scene(Canvas(90, 90), figures=(Figure("red", "star", 5, 10, 10), Figure("red", "star", 50, 10, 10)))
    asked = {"color": "red", "shape": "star"}
    assert [absolute_position.solve(scene, asked) for scene in (between, twins)] == ["ambiguous"] * 2

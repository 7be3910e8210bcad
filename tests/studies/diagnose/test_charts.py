"""Maps, axes and trends."""

import json
import re
from pathlib import Path

import pytest

from pgt_lora.data.exhaustive import generate_exhaustive
from pgt_lora.data.tasks.absolute_position import AREAS
from pgt_lora.evaluation.evaluate import prediction
from pgt_lora.studies.diagnose.charts import axes, image_map, measure, trends
from pgt_lora.studies.diagnose.figures import Item
from tests.support import planted
from tests.support.diagnoses import SMALL, measured, rows


@pytest.fixture(scope="module")
def positions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exhaustive set of 1,620 items."""
    directory = tmp_path_factory.mktemp("positions") / "all"
    generate_exhaustive(directory, task="absolute_position", seed=0, split="train", settings=SMALL)
    return directory


def test_maps_of_the_exhaustive_set_hold_every_cell(positions: Path) -> None:
    found = image_map(measured(positions, "absolute_position", lambda row: "It is in the top left."))
    assert found
    assert found.size == 9
    assert found.areas == tuple(sorted(AREAS))
    assert [(cell.column, cell.row) for cell in found.cells] == [(x, y) for x in range(9) for y in range(9)]
    assert {cell.right.total for cell in found.cells} == {20}
    assert {cell.vote for cell in found.cells} == {"top left"}
    for cell in found.cells:
        assert cell.right.value == (cell.column < 3 and cell.row < 3)


def mostly(row: planted.Row) -> str:
    """Answer rightly on most items, and "center" on the others."""
    return "center" if planted.number(row["id"]) % 5 == 0 else planted.knows(row)


def test_a_vote_is_the_answer_given_most(probe_dir: Path, positions: Path) -> None:
    found = image_map(measured(positions, "absolute_position", mostly))
    assert found
    for cell in found.cells:
        assert cell.vote == AREAS[3 * (cell.row // 3) + cell.column // 3]
    assert not any(cell.vote for cell in image_map(measured(probe_dir, "relation", planted.knows)).cells)  # type: ignore[union-attr]


def few_only(row: planted.Row) -> str:
    """Count up to three, and say 9 beyond."""
    circles = json.loads(row["scene"])["circles"]
    number = sum(circle["color"] == re.findall(r"How many (\w+)", planted.question(row))[0] for circle in circles)
    return planted.knows(row) if number <= 3 or row["template"] != "A" else "9"


def test_what_makes_items_hard_is_shown_and_said(probe_dir: Path) -> None:
    by_name = {axis.name: axis for axis in axes(measured(probe_dir, "counting", few_only))}
    number = by_name["circles asked for"]
    assert [each.label for each in number.bins] == [str(n) for n in range(10)]
    assert [each.right.value for each in number.bins] == pytest.approx([1, 1, 1, 1, *[2 / 3] * 5, 1])
    assert sum(each.right.total for each in number.bins) == 40
    radius = by_name["mean radius"]
    assert len(radius.bins) == 5
    assert all(4 <= each.right.total <= 12 for each in radius.bins)  # five of 40, but for ties
    colors = [each.label for each in by_name["color"].bins]
    assert colors == sorted(colors)


def near_only(row: planted.Row) -> str:
    """See a relation where the boxes are near each other, and answer wrongly where they are not."""
    traits = measure([Item(row, {"question": planted.question(row)})])[0][1]
    right = traits.numbers["gap between the boxes"] < 0.046
    return planted.knows(row) if right else next(each for each in row["choices"] if each != row["answer"])


def test_a_trend_is_said_where_it_is_sure() -> None:
    def said_of(model: planted.Model) -> list[str]:
        asked = [row for row in rows() if row["task"] == "relation"]
        return trends(axes(measure([Item(row, prediction(row, model(row))) for row in asked])))

    (note,) = said_of(near_only)
    assert re.fullmatch(r"gap between the boxes 0\.0357: 100\.0% right; 0\.0625: 0\.0%", note)
    assert said_of(planted.dice) == said_of(planted.knows) == []

"""The diagnosis as a command and as a page."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES
from pgt_lora.core.terminal import console
from pgt_lora.data import probes
from pgt_lora.data.directory import open_dataset, read_manifest, write_manifest, write_samples
from pgt_lora.data.exhaustive import generate_exhaustive
from pgt_lora.data.probes import probe_data
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.absolute_position import AREAS
from pgt_lora.data.tasks.task import Settings
from pgt_lora.evaluation.evaluate import _prediction
from pgt_lora.evaluation.paired import Result, read_items
from pgt_lora.studies.diagnose.charts import axes, image_map, measure, misses
from pgt_lora.studies.diagnose.diagnose import diagnose_model, recipe_of
from pgt_lora.studies.diagnose.figures import Item
from pgt_lora.studies.diagnose.report import MODEL, Diagnosis, print_diagnosis, write_pages
from pgt_lora.tiny.skills import skill_samples
from tests import planted

SMALL = Settings(Canvas(112, 112))
QUICK = ["--canvas", "112", "--dtype", "float32", "--max_new_tokens", "2"]


@pytest.fixture(scope="module")
def probe_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Probes of 40 images of each task."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "ROOT", tmp_path_factory.mktemp("root"))
        return probe_data(40, SMALL)


def planted_diagnosis(data: Path, model: planted.Model) -> Diagnosis:
    predictions = [_prediction(row, model(row)) for row in open_dataset(data)]
    return Diagnosis("planted", Result(read_items("probes", data), {MODEL: [predictions]}), "hash", "pgt-lora diagnose")


def test_probes_are_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probes, "ROOT", tmp_path)
    first = probe_data(2, SMALL)
    made = {path: path.stat().st_mtime_ns for path in first.rglob("*.parquet")}
    assert probe_data(2, SMALL) == first
    assert made == {path: path.stat().st_mtime_ns for path in first.rglob("*.parquet")}
    assert read_manifest(first)["asked"]["split"] == "probe"
    assert probe_data(4, SMALL) != first
    with pytest.raises(InputError, match="even number"):
        probe_data(3, SMALL)


def test_the_command_writes_what_it_finds(
    base_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probes, "ROOT", tmp_path)
    out = tmp_path / "out"
    diagnose_model(str(base_dir), None, 2, out, QUICK)
    told = json.loads((out / "diagnosis.json").read_text())
    predictions = [json.loads(line) for line in (out / "scores" / "predictions.jsonl").read_text().splitlines()]
    assert len(predictions) == 22
    assert {skill["task"] for skill in told["skills"]} == {each["task"] for each in predictions}
    assert told["content_hash"] == read_manifest(tmp_path / "data" / "pgt-probe-112x112-2")["content_hash"]
    for skill in told["skills"]:
        assert skill["right"]["total"] == 2
        assert skill["right"]["interval_999"][0] <= skill["right"]["interval_95"][0] <= skill["right"]["value"]
        assert skill["verdict"]["kind"]
    shown = capsys.readouterr().out
    assert all(skill["task"] in shown for skill in told["skills"])
    assert "diagnosis.html" in shown
    page = (out / "diagnosis.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', page)
    with pytest.raises(InputError, match="--overwrite"):
        diagnose_model(str(base_dir), None, 2, out, QUICK)
    diagnose_model(str(base_dir), tmp_path / "data" / "pgt-probe-112x112-2", None, out, QUICK, overwrite=True)
    assert json.loads((out / "diagnosis.json").read_text())["skills"] == told["skills"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]


def test_an_adapter_goes_by_the_recipe_beside_it_or_by_that_of_its_base(base_dir: Path, tmp_path: Path) -> None:
    (adapter := tmp_path / "mine").mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base_dir)}))
    assert recipe_of(str(adapter), []).kit.canvas == "448"
    assert recipe_of(str(adapter), ["--canvas", "224"]).kit.canvas == "224"
    shutil.copy(RECIPES / "tiny-qwen2.5-vl.yaml", adapter / "recipe.yaml")
    found = recipe_of(str(adapter), [])
    assert (found.name, found.kit.canvas) == ("mine", "112")


@pytest.mark.parametrize(
    ("model", "data", "num_samples", "message"),
    [
        ("tiny-qwen2.5-vl", "data", 4, "leave it out"),
        ("tiny-qwen2.5-vl", "nothing", None, "no such dataset directory"),
        ("tiny-qwen2.5-vl", None, 5, "even number"),
        ("tiny-qwen2.5-vl", None, 0, "even number"),
        ("./nowhere", None, 2, "./nowhere"),
    ],
)
def test_what_cannot_be_used_is_refused(
    model: str, data: str | None, num_samples: int | None, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probes, "ROOT", tmp_path)
    with pytest.raises(InputError, match=message):
        diagnose_model(model, tmp_path / data if data else None, num_samples, tmp_path / "out", [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("model", [planted.first_option, planted.mute, planted.knows, planted.dice])
def test_the_page_shows_verdicts_charts_and_the_worst_images(
    probe_dir: Path, tmp_path: Path, model: planted.Model
) -> None:
    diagnosis = planted_diagnosis(probe_dir, model)
    with console.capture() as capture:
        print_diagnosis(diagnosis)
    write_pages(diagnosis, tmp_path)
    page = (tmp_path / "diagnosis.html").read_text(encoding="utf-8")
    told = json.loads((tmp_path / "diagnosis.json").read_text(encoding="utf-8"))
    for line in diagnosis.headline:
        assert line in page.replace("&#39;", "'")
        assert line in capture.get()
    assert told["headline"] == diagnosis.headline
    for task, verdict in diagnosis.verdicts.items():
        assert f'{task} <span class="badge">{verdict.kind}</span>' in page
    worst = misses(diagnosis.result.items, diagnosis.items)
    assert page.count('<article class="card"') == len(worst) == (0 if model is planted.knows else 18)
    assert all(not each["correct"] for miss in worst for each in miss.made) or model is not planted.mute
    if model is planted.knows:
        assert "Accuracy by gap between the boxes" in page
        assert "Accuracy by color pair" in page
        assert page.count("Accuracy over the image</h4>") == len(diagnosis.skills)
    if model is planted.mute:
        assert "<svg" not in page


def test_any_dataset_is_diagnosed_as_far_as_its_rows_allow(data_dir: Path, tmp_path: Path) -> None:
    (skills := tmp_path / "skills").mkdir()
    write_manifest(skills, {}, write_samples(skills, skill_samples(48)))
    for data in (data_dir, skills):
        diagnosis = planted_diagnosis(data, planted.first_option)
        write_pages(diagnosis, tmp_path)
        assert {skill.task for skill in diagnosis.skills} == set(read_manifest(data)["counts"])
        assert not any(skill.agreements for skill in diagnosis.skills)
    assert not any(drawn.axes or drawn.map for drawn in diagnosis.drawn.values())


def test_an_empty_answer_is_shown_as_nothing(probe_dir: Path, tmp_path: Path) -> None:
    write_pages(planted_diagnosis(probe_dir, lambda row: ""), tmp_path)
    assert "(nothing)" in (tmp_path / "diagnosis.html").read_text(encoding="utf-8")


def measured(data: Path, task: str, model: Callable[[Any], str]) -> list[Any]:
    return measure([Item(row, _prediction(row, model(row))) for row in open_dataset(data) if row["task"] == task])


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
    number = sum(circle["color"] == planted.question(row).split()[2] for circle in circles)
    return planted.knows(row) if number <= 3 or row["template"] == "B" else "9"


def test_what_makes_items_hard_is_shown_and_said(probe_dir: Path) -> None:
    by_name = {axis.name: axis for axis in axes(measured(probe_dir, "counting", few_only))}
    number = by_name["circles asked for"]
    assert [each.label for each in number.bins] == [str(n) for n in range(1, 10)]
    assert [each.right.value for each in number.bins] == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 1]
    assert sum(each.right.total for each in number.bins) == 40
    radius = by_name["mean radius"]
    assert len(radius.bins) == 5
    assert all(4 <= each.right.total <= 12 for each in radius.bins)  # five of 40, but for ties
    colors = [each.label for each in by_name["color"].bins]
    assert colors == sorted(colors)

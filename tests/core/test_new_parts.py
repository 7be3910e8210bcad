"""A task, a source, a reader and a family that are added as the architecture page says are known everywhere."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from pgt_lora.core.plugins import discover
from pgt_lora.data import readers as readers_package
from pgt_lora.data import sources as sources_package
from pgt_lora.data import tasks as tasks_package
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.generate import generate
from pgt_lora.data.mix.request import default_shares, sources
from pgt_lora.data.readers.build import import_data
from pgt_lora.data.scene import Canvas, Scene
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.weights import tasks, units
from pgt_lora.models import families as families_package
from pgt_lora.models.checkpoint import family_of
from tests.support.discovered import save_small, small_processor
from tests.support.mixes import mixed
from tests.support.own_data import images, lines

TASK = '''
"""A task that was added."""

from pgt_lora.data.tasks.relation import compose, plan, solve
from pgt_lora.data.tasks.task import Task

TASK = Task("beside", "beside", plan, compose, solve)
'''
SOURCE = '''
"""A source that was added, with images of its own on this machine."""

import json
from pathlib import Path

from pgt_lora.data.sources.source import Annotations, ImageRef, License, Row, Source
from pgt_lora.data.sources.store import LOCAL
from pgt_lora.data.tasks.task import Question


def read(path, split, settings):
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    images = [ImageRef(LOCAL.name, str(path.parent / row["file"])) for row in rows]
    made = [
        Row(f"mine-{n}", row["q"], row["a"], (image,), f"mine:{n}", "mine")
        for n, (row, image) in enumerate(zip(rows, images))
    ]
    return Annotations(tuple(made))


SOURCE = Source(
    name="mine",
    homepage="",
    license=License("mine", "mine", True),
    origin=lambda settings: "",
    files=lambda split, settings: ("rows.jsonl",),
    read=read,
    ask=lambda rng, row: Question(row.question, row.answer, "A", "word", ("yes", "no")),
    wider=lambda settings: "write more",
    stores=(LOCAL,),
)
'''
READER = '''
"""A reader that was added: rows of one turn each way, under names of their own."""

from pgt_lora.data.readers.reader import Reader
from pgt_lora.data.turns import Role


def read(row):
    return [(Role.USER, row.need("asked")), (Role.ASSISTANT, row.need("said"))]


READER = Reader("pairs", {"asked": ("asked",), "said": ("said", "replied")}, read)
'''
FAMILY = '''
"""A family that was added: LLaVA-NeXT's classes under another name."""

from pgt_lora.models.families.family import Family

FAMILY = Family(name="added", model_type="added")
'''


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put a file into each of the four packages, as if it lay beside the others."""
    parts = (
        (tasks_package, "beside", TASK), (sources_package, "mine", SOURCE), (readers_package, "pairs", READER),
        (families_package, "added", FAMILY),
    )  # fmt: skip
    for package, name, text in parts:
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    discover.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    discover.cache_clear()


def test_a_task_that_is_added_is_drawn_solved_and_can_be_left_out(added: Path) -> None:
    assert units()["beside"] == ("beside",)
    settings = TaskSettings(Canvas(112, 112))
    generate(added / "pgt", num_samples=8, seed=0, settings=settings, weights={"beside": 1.0})
    rows = open_dataset(added / "pgt")
    assert set(rows["task"]) == {"beside"}
    question = tasks()["beside"].plan(Random(0), settings)
    assert question.choices and question.answer in question.choices
    assert all(Scene.from_json(scene).canvas == settings.canvas for scene in rows["scene"])


def test_a_source_that_is_added_is_mixed_where_it_is_asked_for(added: Path, data_dir: Path) -> None:
    image = open_dataset(data_dir)[0]["images"][0]["bytes"]
    mine = added / "annotations"
    mine.mkdir()
    for n in range(4):
        (mine / f"{n}.png").write_bytes(image + bytes([n]))
    (mine / "rows.jsonl").write_text(
        "".join(f'{{"q": "Is it {n}?", "a": "yes", "file": "{n}.png"}}\n' for n in range(4))
    )
    assert "mine" in sources()
    assert set(default_shares()) == {"tallyqa", "vsr", "spatialladder"}  # the paper's mix stays what it is
    mixed(added / "mix", num_samples=3, seed=0, shares={"mine": 1}, annotations={"mine": mine}, cache=added / "c")
    rows = open_dataset(added / "mix")
    assert set(rows["source"]) == {"mine"}
    assert all(row["images"][0]["bytes"].startswith(image) for row in rows)


def test_a_reader_that_is_added_reads_its_rows(added: Path) -> None:
    rows = [{"asked": f"How many of {n}?", "replied": str(n), "image": f"{n}.png"} for n in range(3)]
    images(added, [row["image"] for row in rows])
    (out,) = import_data(str(lines(added / "rows.jsonl", rows)), added / "out")
    (facts,) = read_manifest(out)["sources"].values()
    assert (facts["form"], facts["formats"]) == ("pairs", {"number": 3})
    assert facts["columns"]["said"] == ["replied"]


def test_a_family_that_is_added_is_known_by_its_model_type(added: Path) -> None:
    directory = save_small(added / "base", "llava_next")
    config = (directory / "config.json").read_text()
    assert family_of(str(directory)).name == "llava_next"
    family = discover("pgt_lora.models.families", "FAMILY")["added"]
    assert family.targets(["q_proj"]) == r"model\.language_model\.layers\.\d+\.(?:\w+\.)*(?:q_proj)"
    assert '"model_type": "llava_next"' in config
    from pgt_lora.models.encoding import Encoder

    encoder = Encoder(family, small_processor("llava_next"))
    assert encoder.end_id == encoder.processor.tokenizer.eos_token_id
    shutil.rmtree(directory)

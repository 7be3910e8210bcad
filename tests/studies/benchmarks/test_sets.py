"""The sets that this project asks itself."""

import json
import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.mix.images import Shelf
from pgt_lora.data.sources import whatsup
from pgt_lora.data.sources.source import SourceSettings
from pgt_lora.studies.benchmarks import sets
from tests.support.benchmark_copies import write_annotations


def test_whatsup_is_shuffled_the_same_way_every_time(tmp_path: Path) -> None:
    pairs = [[number, f"right {number}", f"wrong {number}"] for number in range(1, 201)]
    path = tmp_path / "coco_qa_one_obj.json"
    path.write_text(json.dumps(pairs))
    rows = whatsup.read(path, "test", SourceSettings()).rows
    asked = [sets.ask_row(whatsup.SOURCE, 0, row, []) for row in rows]
    assert [each.answer for each in asked] == [sets.ask_row(whatsup.SOURCE, 0, row, []).answer for row in rows]
    assert 70 < sum(each.answer == "A" for each in asked) < 130  # 30 apart from half of 200 is more than four sigmas
    for row, each in zip(rows, asked, strict=True):
        assert f"{each.answer}. right {int(row.group.partition(':')[2])}\n" in each.question
    assert rows[0].images[0].path == "val2017/000000000001.jpg"
    path.write_text(json.dumps([[1, "right"]]))
    with pytest.raises(InputError, match=r"row 1: \[1, 'right'\] is not"):
        whatsup.read(path, "test", SourceSettings())


def test_sets_are_dataset_directories_in_the_cache(tmp_path: Path) -> None:
    given = write_annotations(tmp_path)
    shelf = Shelf(tmp_path / "cache", tmp_path / "images")
    made = {
        name: sets.build(source, given[name], SourceSettings(), shelf, None) for name, source in sets.SOURCES.items()
    }
    rows = {name: open_dataset(path).to_list() for name, path in made.items()}
    assert {name: len(each) for name, each in rows.items()} == {"whatsup": 4, "vsr": 4, "tallyqa": 3}
    assert [row["answer"] for row in rows["vsr"]] == ["True", "False", "True", "False"]
    assert [row["answer"] for row in rows["tallyqa"]] == ["2", "0", "1"]
    assert all(row["prompt"][0]["content"].endswith("Reply with one number.") for row in rows["tallyqa"])
    assert {row["answer_format"] for row in rows["whatsup"]} == {"letter"}
    stamp = (made["vsr"] / "manifest.json").stat().st_mtime_ns
    assert sets.build(sets.SOURCES["vsr"], given["vsr"], SourceSettings(), shelf, None) == made["vsr"]
    assert (made["vsr"] / "manifest.json").stat().st_mtime_ns == stamp
    few = sets.build(sets.SOURCES["vsr"], given["vsr"], SourceSettings(), shelf, 2)
    assert few != made["vsr"]
    assert {row["id"] for row in open_dataset(few)} < {row["id"] for row in rows["vsr"]}
    shutil.rmtree(tmp_path / "images" / "val2017")
    shutil.rmtree(tmp_path / "images" / "train2017")
    with pytest.raises(InputError, match=r"row vsr-test-.* is missing.*--image-root"):
        sets.build(sets.SOURCES["vsr"], given["vsr"], SourceSettings(), shelf, 3)

"""VSR, on small files of its schema with the traps of the original in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.sources.source import SourceSettings
from tests.support.discovered import SOURCES
from tests.support.originals import RANDOM, ZEROSHOT, lines
from tests.support.source_rows import ask, read


@pytest.mark.parametrize(("family", "entries"), [("random", RANDOM), ("zeroshot", ZEROSHOT)])
def test_vsr(tmp_path: Path, family: str, entries: list[dict[str, Any]]) -> None:
    path = lines(tmp_path / "train.jsonl", entries)
    annotations = SOURCES["vsr"].read(path, "train", SourceSettings(vsr_split=family))
    assert annotations.family == family
    assert [row.question for row in annotations.rows] == [
        entry["caption"] for entry in entries
    ]  # typos are in subj alone
    assert [row.answer for row in annotations.rows] == [str(bool(entry["label"])) for entry in entries]
    for row, entry in zip(annotations.rows, entries, strict=True):
        assert entry["image_link"].endswith(row.images[0].path)
        assert row.group == f"coco:{int(entry['image'][:12])}"
        question = ask("vsr", row, 0)
        assert question.text == (
            f"Based on the image, is this statement True or False? {entry['caption']} "
            "Answer with True or False directly."
        )
        assert (question.answer, question.choices) == (row.answer, ("True", "False"))


def test_vsr_families_are_never_mixed(tmp_path: Path) -> None:
    random, zeroshot = lines(tmp_path / "r.jsonl", RANDOM), lines(tmp_path / "z.jsonl", ZEROSHOT)
    mixed = lines(tmp_path / "m.jsonl", [*RANDOM, *ZEROSHOT])
    for path, asked in ((random, "zeroshot"), (zeroshot, "random"), (mixed, "random"), (mixed, "zeroshot")):
        with pytest.raises(InputError, match="test items of the other"):
            read("vsr", path, vsr_split=asked)
    with pytest.raises(InputError, match="known: random, zeroshot"):
        read("vsr", random, vsr_split="both")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        (json.dumps(RANDOM[0] | {"label": "1"}), "label is '1'"),
        (json.dumps(RANDOM[0] | {"label": 2}), "label is 2"),
        (json.dumps(RANDOM[0] | {"caption": None}), "caption is None"),
        (json.dumps(RANDOM[0] | {"image_link": "x/000000296471.jpg"}), "not in train2017"),
        ("\udcff", "not JSON"),
        (json.dumps(RANDOM[0] | {"image": "../x.jpg"}), "points outside"),
        ("[1]", "not a JSON object"),
    ],
)
def test_vsr_rows_of_another_schema_are_named(tmp_path: Path, line: str, message: str) -> None:
    text = json.dumps(RANDOM[0]) + "\n\n" + line + "\n"
    (path := tmp_path / "train.jsonl").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=message) as refused:
        read("vsr", path)
    assert f"{path}, line 3" in str(refused.value)

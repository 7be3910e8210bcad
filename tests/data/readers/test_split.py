"""What is held out shares no image with what is trained on."""

import json
from collections import Counter
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.readers.build import ImportSettings, OnError, import_data
from pgt_lora.data.readers.split import by_share, groups_of
from pgt_lora.data.readers.survey import Known
from tests.support.own_data import lines, llava, llava_rows, png, sharegpt


def digests(directory: Path) -> set[bytes]:
    return {image["bytes"] for row in open_dataset(directory) for image in row["images"]}


def test_the_split_is_by_image_and_the_same_every_time(tmp_path: Path) -> None:
    source = llava(tmp_path)
    train, test = import_data(str(source), tmp_path / "out", ImportSettings(test=0.3))
    assert (train.name, test.name) == ("out", "out-test")
    sizes = [len(open_dataset(each)) for each in (train, test)]
    assert sizes == [14, 6]
    assert digests(train) and digests(test)
    assert not digests(train) & digests(test)
    assert not set(open_dataset(train)["group"]) & set(open_dataset(test)["group"])
    assert {read_manifest(each)["asked"]["part"] for each in (train, test)} == {"train", "test"}
    # The images decide and not their names or the rows' order.
    moved = tmp_path / "moved"
    llava(moved)
    (moved / "mix.json").write_text(json.dumps(llava_rows()[::-1]), encoding="utf-8")
    (_, again) = import_data(str(moved / "mix.json"), tmp_path / "again", ImportSettings(test=0.3))
    assert set(open_dataset(again)["group"]) == set(open_dataset(test)["group"])


def test_each_part_s_manifest_tells_of_its_own_rows(tmp_path: Path) -> None:
    rows = [*llava_rows(), {"conversations": []}]
    llava(tmp_path)
    (tmp_path / "mix.json").write_text(json.dumps(rows), encoding="utf-8")
    parts = import_data(str(tmp_path / "mix.json"), tmp_path / "out", ImportSettings(test=0.3, on_error=OnError.SKIP))
    told = []
    for part in parts:
        shown, (facts,) = open_dataset(part), read_manifest(part)["sources"].values()
        assert facts["formats"] == Counter(shown["answer_format"])
        assert facts["text_only"] == sum(not images for images in shown["images"])
        assert facts["rows"] - facts["skipped"] == facts["drawn"] == len(shown)
        told.append((facts["rows"], facts["skipped"], len(facts["skipped_rows"])))
    assert told == [(15, 1, 1), (6, 0, 0)]


def test_the_same_pixels_in_another_file_are_the_same_image(tmp_path: Path) -> None:
    rows = []
    for index in range(8):
        (tmp_path / f"{index}.png").write_bytes(png(index // 2) + b"x" * index)
        rows.append({"question": "What?", "answer": "that", "image": f"{index}.png"})
    _, test = import_data(str(lines(tmp_path / "rows.jsonl", rows)), tmp_path / "out", ImportSettings(test=0.25))
    assert len(open_dataset(test)) == 2
    assert len(set(open_dataset(test)["group"])) == 1


def test_rows_that_share_one_of_several_images_stay_together(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="all rows share one image or group"):  # each shares one with the next
        import_data(str(sharegpt(tmp_path)), tmp_path / "out", ImportSettings(test=0.1))
    assert not (tmp_path / "out").exists()
    rows = {1: Known("", ("a", "b"), None), 2: Known("", ("c",), None), 3: Known("", ("c", "b"), None)}
    assert set(groups_of(rows).values()) == {"a"}


def test_a_larger_share_holds_the_smaller_one() -> None:
    groups = {number: f"image:{number}" for number in range(100)}
    shares = [by_share(groups, share) for share in (0.01, 0.1, 0.2)]
    assert [len(each) for each in shares] == [1, 10, 20]
    assert shares[0] < shares[1] < shares[2]


def test_a_column_that_divides_must_not_leak(tmp_path: Path) -> None:
    llava(tmp_path)
    rows = llava_rows()
    apart = [row | {"split": "test" if index in (0, 1) else "train"} for index, row in enumerate(rows)]
    _, test = import_data(str(lines(tmp_path / "a.jsonl", apart)), tmp_path / "a", ImportSettings(split_column="split"))
    assert open_dataset(test)["id"] == ["a-000001", "a-000002"]
    leaking = [row | {"split": "test" if index == 0 else "train"} for index, row in enumerate(rows)]
    path = lines(tmp_path / "b.jsonl", leaking)
    with pytest.raises(InputError, match=rf"1 test rows show images of train rows.*{path}, line 1 and {path}, line 2"):
        import_data(str(path), tmp_path / "b", ImportSettings(split_column="split"))
    other = lines(tmp_path / "c.jsonl", [row | {"split": "val"} for row in rows])
    with pytest.raises(InputError, match="line 1: its split is 'val'; known: train, test"):
        import_data(str(other), tmp_path / "c", ImportSettings(split_column="split"))


def test_no_old_test_split_stays_behind(tmp_path: Path) -> None:
    source, out = str(llava(tmp_path)), tmp_path / "out"
    import_data(source, out, ImportSettings(test=0.3))
    with pytest.raises(InputError, match="was held out of the old out"):
        import_data(source, out, overwrite=True)
    import_data(source, out, ImportSettings(test=0.1), overwrite=True)
    assert len(open_dataset(tmp_path / "out-test")) == 2


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (ImportSettings(test=1.0), "--test 1.0"),
        (ImportSettings(test=0.1, split_column="a"), "give only one of them"),
        (ImportSettings(image_root=Path("nowhere")), "--image-root nowhere: no such directory"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(asked: ImportSettings, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        import_data("nowhere.json", tmp_path / "out", asked)

"""Where rows lie, and where their images are found."""

import base64
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value, config

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.readers.build import ImportSettings, import_data
from pgt_lora.data.readers.pictures import Album
from pgt_lora.data.readers.places import open_table
from pgt_lora.data.readers.values import Unreadable
from pgt_lora.data.turns import Role, turns
from tests.support.hub_calls import within_reach
from tests.support.hub_server import Hub, Repo
from tests.support.loopback import Host
from tests.support.own_data import cauldron, image_folder, lines, llava, parquet, png, question_rows, trl


def test_a_saved_dataset_has_splits(tmp_path: Path) -> None:
    rows = {"question": ["What?", "Which?"], "answer": ["a", "b"], "image": [png(0), png(1)]}
    dataset = Dataset.from_dict(rows).cast_column("image", Image())
    DatasetDict(train=dataset.select([0]), test=dataset.select([1])).save_to_disk(str(tmp_path / "saved"))
    for split, said in ((None, "What?"), ("test", "Which?")):
        (row,) = open_table(str(tmp_path / "saved"), split).rows()
        assert row[1]["question"] == said
    with pytest.raises(InputError, match="no split dev; pass --split with one of test, train"):
        open_table(str(tmp_path / "saved"), "dev")
    dataset.save_to_disk(str(tmp_path / "one"))
    with pytest.raises(InputError, match="leave out --split"):
        open_table(str(tmp_path / "one"), "train")


def test_a_folder_of_images_has_splits(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    image_folder(tmp_path / "all").rename(tmp_path / "all" / "test")
    assert len(list(open_table(str(tmp_path / "all"), "test").rows())) == 20
    assert len(list(open_table(str(tmp_path / "all")).rows())) == 20  # the only one
    with pytest.raises(InputError, match="no split train"):
        open_table(str(tmp_path / "all"), "train")


def test_classes_go_by_their_names(tmp_path: Path) -> None:
    rows = {"question": ["What?"], "answer": [1], "image": [png(0)]}
    features = Features(question=Value("string"), answer=ClassLabel(names=["cat", "dog"]), image=Image())
    Dataset.from_dict(rows, features=features).to_parquet(str(tmp_path / "rows.parquet"))
    ((_, row),) = open_table(str(tmp_path / "rows.parquet")).rows()
    assert row["answer"] == "dog"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere.jsonl", "nowhere.jsonl: not a dataset directory, a file or a Hub id"),
        ("data/nowhere", "data/nowhere: not a dataset directory, a file"),
        (".", "no dataset directory .*manifest.json.*metadata.csv"),
    ],
)
def test_what_is_nowhere_is_told(source: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=says):
        open_table(source)


def test_a_dataset_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    held_out = parquet(tmp_path / "test.parquet", pq.read_table(trl(tmp_path)).to_pylist()[:3])
    files = {
        "README.md": b"---\nlicense: mit\n---\n# Data\n",
        "data/train-00000-of-00001.parquet": (tmp_path / "trl.parquet").read_bytes(),
        "data/test-00000-of-00001.parquet": held_out.read_bytes(),
    }
    hub.repos["me/data"] = Repo(private=False, branches={"main": files})
    try:
        with within_reach(hub, tmp_path) as patch:
            patch.setattr(config, "HF_ENDPOINT", hub.address)
            patch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")
            patch.setattr(config, "HF_HUB_OFFLINE", False)
            (out,) = import_data("me/data", tmp_path / "out")
            (test,) = import_data("me/data@main", tmp_path / "test", ImportSettings(split="test"))
            with pytest.raises(InputError, match="me/data: its split dev cannot be read from the Hub"):
                import_data("me/data", tmp_path / "dev", ImportSettings(split="dev"))
    finally:
        hub.shutdown()
        hub.server_close()
    assert (len(open_dataset(out)), len(open_dataset(test))) == (20, 3)
    facts = read_manifest(out)["sources"]["me/data"]
    assert (facts["origin"], len(facts["revision"])) == ("me/data", 40)
    assert facts["license"] == {"annotations": "mit", "images": "mit", "redistributable": False}


def test_a_part_of_a_dataset_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    parts = "".join(f"- config_name: {name}\n  data_files: {name}/train-*\n" for name in ("ai2d", "vsr"))
    files = {
        "README.md": f"---\nconfigs:\n{parts}---\n# Cauldron\n".encode(),
        "ai2d/train-00000-of-00001.parquet": cauldron(tmp_path).read_bytes(),
        "vsr/train-00000-of-00001.parquet": trl(tmp_path).read_bytes(),
    }
    hub.repos["me/cauldron"] = Repo(private=False, branches={"main": files})
    try:
        with within_reach(hub, tmp_path) as patch:
            patch.setattr(config, "HF_ENDPOINT", hub.address)
            patch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")
            patch.setattr(config, "HF_HUB_OFFLINE", False)
            (out,) = import_data("me/cauldron:ai2d@main", tmp_path / "out", ImportSettings(limit=7))
            with pytest.raises(InputError, match=r"me/cauldron: .* me/cauldron:PART; .*ai2d.*vsr"):
                import_data("me/cauldron", tmp_path / "whole")
    finally:
        hub.shutdown()
        hub.server_close()
    rows = open_dataset(out)
    assert [turn.role for turn in turns(rows[0])] == [Role.USER, Role.ASSISTANT] * 2
    assert (len(rows), rows[0]["answer_format"]) == (7, "letter")
    facts = read_manifest(out)["sources"]["me/cauldron:ai2d"]
    assert (facts["form"], facts["config"]) == ("cauldron", "ai2d")


def test_images_are_found_beside_the_rows_then_in_their_root(tmp_path: Path) -> None:
    rows, root = tmp_path / "rows", tmp_path / "root"
    for folder, index in ((rows, 1), (root, 2)):
        folder.mkdir()
        (folder / "a.png").write_bytes(png(index))
    (root / "b.png").write_bytes(png(3))
    album = Album(rows, root, tmp_path / "cache")
    shown = base64.b64encode(png(5)).decode()
    for named, index in (
        ("a.png", 1), ("b.png", 3), ("../root/a.png", 2), (str(root / "a.png"), 2), (f"file://{root}/b.png", 3),
        (png(4), 4), ({"bytes": png(4), "path": "x.png"}, 4), ({"bytes": None, "path": "b.png"}, 3),
        (f"data:image/png;base64,{shown}", 5), (f"data:;base64,{shown}", 5),
    ):  # fmt: skip
        assert album.read(album.find(named)) == png(index)
    for named in (
        "c.png",
        "",
        7,
        {"path": None},
        {"bytes": "x"},
        {"bytes": b"x", "path": 1},
        "data:image/png,x",
        "data:;base64,%",
        "x" * 5000,
        "a\0b",
    ):
        with pytest.raises(Unreadable, match="its image"):
            album.find(named)


def test_rows_of_the_hub_do_not_reach_beyond_the_image_root(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    for path in (tmp_path / "secret.png", tmp_path / "root" / "a.png"):
        path.write_bytes(png(1))
    album = Album(None, tmp_path / "root", tmp_path / "cache")
    assert album.find("a.png").path == tmp_path / "root" / "a.png"
    for named in ("../secret.png", str(tmp_path / "secret.png"), f"file://{tmp_path}/secret.png"):
        with pytest.raises(Unreadable):
            album.find(named)


def test_images_with_an_address_are_fetched_once(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    host.files |= {f"/{index}.png": png(index) for index in range(3)} | {"/page.png": b"<html>"}
    rows = [
        {"question": "What?", "answer": "that", "image_url": f"{host.address}/{name}.png"}
        for name in (0, 1, 2, 0, "gone", "page")
    ]
    path = lines(tmp_path / "rows.jsonl", rows)
    with pytest.raises(InputError, match=rf"{path}, line 5: its image .*gone.png cannot be had \(status 404\)"):
        import_data(str(path), tmp_path / "out")
    lines(path, rows[5:])
    with pytest.raises(InputError, match=rf"{path}, line 1: .*page.png: its image cannot be read"):
        import_data(str(path), tmp_path / "out")
    host.files["/page.png"] = png(5)  # what was no image is not taken for fetched
    (out,) = import_data(str(path), tmp_path / "mended")
    assert open_dataset(out)[0]["images"][0]["bytes"] == png(5)
    lines(path, rows[:4])
    (out,) = import_data(str(path), tmp_path / "out")
    assert [row["images"][0]["bytes"] for row in open_dataset(out)] == [png(0), png(1), png(2), png(0)]
    assert sum(request.path == "/0.png" for request in host.requests) == 1


def test_images_of_another_folder(tmp_path: Path) -> None:
    llava(tmp_path)
    rows = json.loads((tmp_path / "mix.json").read_text())
    path = lines(tmp_path / "elsewhere" / "rows.jsonl", rows)
    with pytest.raises(InputError, match="pass --image-root"):
        import_data(str(path), tmp_path / "out")
    (out,) = import_data(str(path), tmp_path / "out", ImportSettings(image_root=tmp_path))
    assert len(open_dataset(out)) == len(rows)


def test_numbers_and_truths_of_a_table_are_answers(tmp_path: Path) -> None:
    rows = question_rows(tmp_path)[:2]
    path = lines(tmp_path / "rows.jsonl", [rows[0] | {"answer": 3}, rows[1] | {"answer": True}])
    (out,) = import_data(str(path), tmp_path / "out")
    assert open_dataset(out)["answer_format"] == ["number", "true_false"]


def test_a_dataset_directory_can_be_divided(tmp_path: Path, data_dir: Path) -> None:
    (whole,) = import_data(str(data_dir), tmp_path / "whole")
    kept = ("prompt", "completion", "images", "answer", "choices", "answer_format", "task", "group")
    assert [[row[name] for name in kept] for row in open_dataset(whole)] == [
        [row[name] for name in kept] for row in open_dataset(data_dir)
    ]
    (facts,) = read_manifest(whole)["sources"].values()
    assert facts["license"]["redistributable"] is True
    parts = import_data(str(data_dir), tmp_path / "parts", ImportSettings(test=0.25))
    assert [len(open_dataset(each)) for each in parts] == [24, 8]

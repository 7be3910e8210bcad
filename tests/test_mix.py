import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, Image, List, load_dataset
from pgt_lora.data.sources.source import Settings
from pgt_lora.data.sources.tallyqa import ARCHIVE

from pgt_lora.cli.app import app as cli
from pgt_lora.cli.data import parse_pairs
from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import MANIFEST, PARQUET, features, is_made, open_dataset, read_manifest
from pgt_lora.data.generate import generate
from pgt_lora.data.mix.build import build_mix, request
from pgt_lora.data.mix.draw import apportion
from pgt_lora.data.mix.hub_rows import candidates
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import Settings as PgtSettings
from pgt_lora.tiny.standin import FILES, IMAGES, annotations, write_standin
from tests.hub_server import Hub, Repo, sha
from tests.loopback import Host
from tests.originals import RANDOM, TALLYQA, ZEROSHOT, archive, jpeg, ladder, lines, put

SMALL = PgtSettings(Canvas(112, 112))


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("standin") / "a"
    write_standin(directory, 60, seed=0)
    return directory


def mix(standin: Path, out: Path, num_samples: int = 60, seed: int = 0, **asked: Any) -> dict[str, Any]:
    given = {"annotations": annotations(standin), "image_root": standin / IMAGES} | asked
    build_mix(out, num_samples=num_samples, seed=seed, cache=out.parent / "cache", **given)
    return read_manifest(out)


def rows(directory: Path) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = open_dataset(directory).to_list()
    return listed


def test_a_mix_is_a_dataset_directory(standin: Path, tmp_path: Path) -> None:
    manifest = mix(standin, tmp_path / "a", 30)
    opened = load_dataset(str(tmp_path / "a"), cache_dir=str(tmp_path / "cache"))["train"]
    assert opened.features == features()
    assert Counter(opened["source"]) == {"tallyqa": 10, "vsr": 10, "spatialladder": 10}
    assert manifest["counts"] == {"spatialladder": 10, "tallyqa": 10, "vsr": 10}
    assert manifest["num_samples"] == 30 == len(set(opened["id"]))
    assert manifest["versions"]
    for row in opened:
        assert [turn["role"] for turn in row["prompt"] + row["completion"]] == ["user", "assistant"]
        assert [image.size for image in row["images"]] == [(112, 112)]
        assert row["completion"][0]["content"] == row["answer"] + ("." if row["source"] == "spatialladder" else "")
        assert row["answer_format"] in ("number", "letter", "true_false")
        assert row["answer_format"] == "number" or row["answer"] in row["choices"]
    assert opened["source"][:10] != sorted(opened["source"])[:10]  # the sources are shuffled together
    for row in rows(tmp_path / "a"):
        assert row["images"][0]["bytes"] == (standin / IMAGES / row["images"][0]["path"]).read_bytes()


def test_the_manifest_says_where_everything_came_from(standin: Path, tmp_path: Path) -> None:
    manifest = mix(standin, tmp_path / "a", 30)
    assert manifest["asked"] == request(num_samples=30, seed=0)
    assert is_made(tmp_path / "a", request(num_samples=30, seed=0))
    assert not is_made(tmp_path / "a", request(num_samples=30, seed=0, exclude=["vsr"]))
    assert sorted(manifest["sources"]) == ["spatialladder", "tallyqa", "vsr"]
    for name, facts in manifest["sources"].items():
        assert facts["rows"] == 20
        assert facts["drawn"] == 10
        assert facts["removed"] == {}
        assert not facts["licence"]["redistributable"]
        assert list(facts["files"]) == [Path(FILES[name]).name]
    assert str(standin) not in (tmp_path / "a" / MANIFEST).read_text()


def test_the_same_is_drawn_twice_and_another_seed_draws_others(standin: Path, tmp_path: Path) -> None:
    first, second = mix(standin, tmp_path / "a", 30), mix(standin, tmp_path / "b", 30)
    assert first == second
    assert (tmp_path / "a" / PARQUET).read_bytes() == (tmp_path / "b" / PARQUET).read_bytes()
    assert mix(standin, tmp_path / "c", 30, seed=1)["content_hash"] != first["content_hash"]
    drawn = [{row["id"] for row in rows(tmp_path / name)} for name in "ac"]
    assert drawn[0] != drawn[1]
    # A row is asked the same way however many others are drawn.
    mix(standin, tmp_path / "d", 60)
    by_id = {row["id"]: row["prompt"] for row in rows(tmp_path / "d")}
    assert all(by_id[row["id"]] == row["prompt"] for row in rows(tmp_path / "a"))


def test_shares(standin: Path, tmp_path: Path) -> None:
    manifest = mix(standin, tmp_path / "a", 20, shares={"tallyqa": 2, "vsr": 1, "spatialladder": 1})
    assert manifest["counts"] == {"spatialladder": 5, "tallyqa": 10, "vsr": 5}
    assert apportion(5000, {"a": 1, "b": 1, "c": 1}) == {"a": 1667, "b": 1667, "c": 1666}
    assert apportion(7, {"a": 0.5, "b": 0.25}) == {"a": 5, "b": 2}
    for shares in ({"a": 0.0}, {"a": -1.0}, {"a": float("nan")}, {"a": float("inf")}):
        with pytest.raises(InputError, match="positive number"):
            apportion(5, shares)
    with pytest.raises(InputError, match="too few"):
        apportion(2, {"a": 1, "b": 1, "c": 1})


def test_pgt_and_dataset_directories_are_mixed_in(standin: Path, tmp_path: Path) -> None:
    generate(tmp_path / "mine", num_samples=20, seed=9, settings=SMALL)
    shares = {"vsr": 1.0, "pgt": 1.0, str(tmp_path / "mine"): 1.0}
    manifest = mix(standin, tmp_path / "a", 30, shares=shares, pgt_settings=SMALL)
    assert Counter(row["source"] for row in rows(tmp_path / "a")) == {"vsr": 10, "pgt": 20}
    assert sorted(manifest["sources"]) == ["mine", "pgt", "vsr"]
    assert manifest["sources"]["mine"]["licence"]["redistributable"]
    stored = {row["id"]: row for row in rows(tmp_path / "mine")}
    kept = [row for row in rows(tmp_path / "a") if row["id"] in stored]
    assert len(kept) == 10
    assert all(row == stored[row["id"]] for row in kept)
    # A mix can be mixed in as well: its rows stay what they were, and none comes twice.
    assert manifest["asked"]["canvas"] == "112x112"
    again = mix(standin, tmp_path / "b", 20, shares={str(tmp_path / "a"): 1.0, "vsr": 1.0})
    assert again["sources"]["a"]["licence"]["redistributable"] is False
    assert again["sources"]["vsr"]["removed"] == {"exact duplicate": 10}
    assert len({row["id"] for row in rows(tmp_path / "b")}) == 20


def test_too_few_rows_is_an_error_that_says_how_many_there_are(standin: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"spatialladder: 21 rows are asked for, there are 20 of 20 .*--absolute-distance"
    ):
        mix(standin, tmp_path / "a", 63)
    assert not (tmp_path / "a").exists()


def test_nothing_is_overwritten_unless_asked(standin: Path, tmp_path: Path) -> None:
    mix(standin, tmp_path / "a", 6)
    before = (tmp_path / "a" / MANIFEST).read_bytes()
    with pytest.raises(InputError, match="--overwrite"):
        mix(standin, tmp_path / "a", 9)
    with pytest.raises(InputError, match="too few"):
        mix(standin, tmp_path / "a", 2, overwrite=True)
    with pytest.raises(InputError, match="rows are asked for"):
        mix(standin, tmp_path / "a", 600, overwrite=True)
    assert (tmp_path / "a" / MANIFEST).read_bytes() == before
    assert mix(standin, tmp_path / "a", 9, overwrite=True)["num_samples"] == 9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def fixture(directory: Path) -> dict[str, Path]:
    """Write the small original files, an image for each, and Visual Genome's mapping."""
    tallyqa = directory / "tallyqa"
    tallyqa.mkdir(parents=True)
    (tallyqa / "train.json").write_text(json.dumps([*TALLYQA, TALLYQA[1]]))
    (tallyqa / "test.json").write_text(json.dumps([TALLYQA[1] | {"issimple": True}]))
    lines(directory / "vsr/data/splits/random/train.jsonl", RANDOM)
    lines(directory / "vsr/data/splits/random/test.jsonl", [RANDOM[1] | {"caption": "The bed is left of the bench."}])
    lines(directory / "vsr/data/splits/zeroshot/train.jsonl", ZEROSHOT)
    lines(directory / "ladder.jsonl", [ladder(), ladder(image=["scene0033_00/1.jpg"]), ladder()])
    for place in ("train2014/COCO_train2014_000000296471.jpg", "val2017/000000000042.jpg", "train2017/000000172406.jpg",
                  "VG_100K_2/2410408.jpg", "images/scene0022_00/1760.jpg", "scene0033_00/1.jpg"):  # fmt: skip
        put(directory / "root" / place)
    return {"tallyqa": tallyqa, "vsr": directory / "vsr", "spatialladder": directory / "ladder.jsonl"}


def test_groups_join_the_sources_and_duplicates_go(tmp_path: Path) -> None:
    given = fixture(tmp_path / "in")
    shares = {"tallyqa": 3.0, "vsr": 2.0, "spatialladder": 2.0}
    build_mix(tmp_path / "a", num_samples=7, seed=0, shares=shares, annotations=given, image_root=tmp_path / "in/root")
    groups = {(row["source"], row["group"]) for row in rows(tmp_path / "a")}
    assert groups == {
        ("tallyqa", "vg:2410408"), ("tallyqa", "coco:296471"), ("tallyqa", "coco:42"),
        ("vsr", "coco:296471"), ("vsr", "coco:42"),
        ("spatialladder", "scannet:scene0022"), ("spatialladder", "scannet:scene0033"),
    }  # fmt: skip
    sources = read_manifest(tmp_path / "a")["sources"]
    assert {name: facts["removed"] for name, facts in sources.items()} == {
        "tallyqa": {"exact duplicate": 1}, "vsr": {}, "spatialladder": {"exact duplicate": 1},
    }  # fmt: skip
    assert sources["vsr"]["family"] == "random"


def test_images_of_evaluation_sets_are_left_out(tmp_path: Path) -> None:
    given = fixture(tmp_path / "in")
    (tmp_path / "groups.txt").write_text("# rooms\nscannet:scene0033\n\n")
    exclude = ["vsr", f"tallyqa={given['tallyqa']}", str(tmp_path / "groups.txt")]
    asked: dict[str, Any] = {"annotations": given, "image_root": tmp_path / "in/root", "seed": 0}
    build_mix(tmp_path / "a", num_samples=2, shares={"tallyqa": 1, "spatialladder": 1}, exclude=exclude, **asked)
    assert sorted(row["group"] for row in rows(tmp_path / "a")) == ["scannet:scene0022", "vg:2410408"]
    manifest = read_manifest(tmp_path / "a")
    assert manifest["asked"]["exclude"] == ["vsr test", "tallyqa test", "groups.txt"]
    assert manifest["sources"]["tallyqa"]["removed"] == {
        "exact duplicate": 1, "image in tallyqa test": 1, "image in vsr test": 1,
    }  # fmt: skip
    assert manifest["sources"]["spatialladder"]["removed"]["image in groups.txt"] == 1
    # A dataset directory as the evaluation set.
    with pytest.raises(InputError, match=r"vsr: 1 rows are asked for, there are 0 of 2 .*2 removed \(image in b\)"):
        build_mix(tmp_path / "b", num_samples=2, shares={"vsr": 1}, **asked)
        build_mix(tmp_path / "c", num_samples=1, shares={"vsr": 1}, exclude=[str(tmp_path / "b")], **asked)
    with_mapping = Settings(vg_to_coco={2410408: 42})
    build_mix(tmp_path / "d", num_samples=3, shares={"tallyqa": 1}, settings=with_mapping, **asked)
    assert {row["group"] for row in rows(tmp_path / "d")} == {"coco:42", "coco:296471"}


@pytest.mark.parametrize("entry", ["nowhere", "{tmp}/cats.txt", "{tmp}/in", "vsr={tmp}/in/ladder.jsonl"])
def test_what_cannot_be_excluded_is_an_error(tmp_path: Path, entry: str) -> None:
    given = fixture(tmp_path / "in")
    (tmp_path / "cats.txt").write_text("coco:1\n296471\n")
    with pytest.raises(InputError, match=r"--exclude|line 2|caption is None"):
        build_mix(
            tmp_path / "a",
            num_samples=1,
            seed=0,
            shares={"vsr": 1},
            annotations=given,
            image_root=tmp_path / "in/root",
            exclude=[entry.format(tmp=tmp_path)],
        )


def test_vsr_families_are_never_mixed(tmp_path: Path) -> None:
    given = fixture(tmp_path / "in")
    asked: dict[str, Any] = {"annotations": given, "image_root": tmp_path / "in/root", "seed": 0}
    zeroshot = Settings(vsr_split="zeroshot")
    build_mix(tmp_path / "z", num_samples=1, shares={"vsr": 1}, settings=zeroshot, **asked)
    assert rows(tmp_path / "z")[0]["group"] == "coco:172406"
    both = f"{tmp_path / 'z'} is zeroshot, vsr is random"
    with pytest.raises(InputError, match=both):
        build_mix(tmp_path / "a", num_samples=2, shares={"vsr": 1, str(tmp_path / "z"): 1}, **asked)
    build_mix(tmp_path / "nested", num_samples=1, shares={str(tmp_path / "z"): 1}, **asked)
    with pytest.raises(InputError, match=f"{tmp_path / 'nested'} is zeroshot, vsr is random"):
        build_mix(tmp_path / "a", num_samples=2, shares={"vsr": 1, str(tmp_path / "nested"): 1}, **asked)
    with pytest.raises(InputError, match="never mixed"):
        build_mix(tmp_path / "a", num_samples=1, shares={"vsr": 1}, exclude=[str(tmp_path / "z")], **asked)
    with pytest.raises(InputError, match="test items of the other"):
        build_mix(
            tmp_path / "a", num_samples=1, shares={"vsr": 1}, settings=zeroshot,
            **asked | {"annotations": {"vsr": tmp_path / "in/vsr/data/splits/random/train.jsonl"}},
        )  # fmt: skip


def test_a_missing_image_is_named_or_its_row_drawn_again(standin: Path, tmp_path: Path) -> None:
    mix(standin, tmp_path / "whole", 30)
    taken = next(row for row in rows(tmp_path / "whole") if row["source"] == "vsr")
    path = taken["images"][0]["path"]
    shutil.copytree(standin / IMAGES, tmp_path / "root")
    (tmp_path / "root" / path).unlink()
    with pytest.raises(InputError, match=rf"row {taken['id']}: .*{path} is missing; .*--on-missing redraw"):
        mix(standin, tmp_path / "a", 30, image_root=tmp_path / "root")
    assert not (tmp_path / "a").exists()
    manifest = mix(standin, tmp_path / "a", 30, image_root=tmp_path / "root", on_missing="redraw")
    assert {name: facts["redrawn"] for name, facts in manifest["sources"].items()} == {
        "spatialladder": 0, "tallyqa": 0, "vsr": 1,
    }  # fmt: skip
    before, after = ({row["id"] for row in rows(tmp_path / name)} for name in ("whole", "a"))
    assert len(after) == 30
    assert before - after == {taken["id"]}
    with pytest.raises(InputError, match=r"20 rows are asked for, there are 19 .*1 removed \(image missing\)"):
        mix(standin, tmp_path / "b", 60, image_root=tmp_path / "root", on_missing="redraw")


def test_only_the_images_of_drawn_rows_are_fetched(tmp_path: Path, host: Host) -> None:
    given = fixture(tmp_path / "in")
    root = tmp_path / "in/root"
    host.files = {f"/{path.relative_to(root)}": path.read_bytes() for path in root.rglob("*.jpg")}
    host.files |= {f"/train2017/{name}": jpeg(1) for name in ("000000296471.jpg",)}
    host.files["/val2014/COCO_val2014_000000000042.jpg"] = jpeg(2)
    names = ("images/scene0022_00/1760.jpg", "scene0033_00/1.jpg", "images/scene0044_00/1.jpg")
    host.files["/images.zip"] = archive({name: jpeg(5) for name in names})
    mirrors = {"coco": host.address, "vg": host.address, "spatialladder": f"{host.address}/images.zip"}
    asked: dict[str, Any] = {"annotations": given, "cache": tmp_path / "cache", "mirrors": mirrors, "seed": 0}
    build_mix(tmp_path / "a", num_samples=3, **asked)
    drawn = {(row["source"], row["images"][0]["path"]) for row in rows(tmp_path / "a")}
    fetched = [request.path for request in host.requests if request.path != "/images.zip"]
    assert sorted(fetched) == sorted(f"/{path}" for source, path in drawn if source != "spatialladder")
    assert len([request for request in host.requests if request.path == "/images.zip"]) == 2
    before = len(host.requests)
    build_mix(tmp_path / "b", num_samples=3, **asked)
    assert len(host.requests) == before
    assert read_manifest(tmp_path / "b") == read_manifest(tmp_path / "a")


def test_annotations_come_from_the_hub_at_a_stated_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, what the Hub's client and an earlier run keep in their caches stands in for the download."""
    given, commit = fixture(tmp_path / "in"), "0123456789abcdef0123456789abcdef01234567"
    splits = given["vsr"] / "data/splits"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for repo, file, origin in (
        ("cambridgeltl--vsr_random", "train.jsonl", splits / "random/train.jsonl"),
        ("cambridgeltl--vsr_random", "test.jsonl", splits / "random/test.jsonl"),
        ("cambridgeltl--vsr_zeroshot", "train.jsonl", splits / "zeroshot/train.jsonl"),
        ("hongxingli--SpatialLadder-26k", "spld_spatial_data.jsonl", given["spatialladder"]),
    ):
        folder = tmp_path / "hub" / f"datasets--{repo}"
        for name in ("refs", f"snapshots/{commit}"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "refs/main").write_text(commit)
        shutil.copyfile(origin, folder / "snapshots" / commit / file)
    (tmp_path / "cache/annotations/tallyqa").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "cache/annotations/tallyqa/tallyqa.zip", "w") as opened:
        opened.write(given["tallyqa"] / "train.json", "train.json")
    asked: dict[str, Any] = {"image_root": tmp_path / "in/root", "cache": tmp_path / "cache", "seed": 0}
    build_mix(tmp_path / "a", num_samples=3, exclude=["vsr"], **asked)
    sources = read_manifest(tmp_path / "a")["sources"]
    assert {name: (facts["origin"], facts.get("revision")) for name, facts in sources.items()} == {
        "spatialladder": ("hongxingli/SpatialLadder-26k", commit),
        "tallyqa": (ARCHIVE, None),
        "vsr": ("cambridgeltl/vsr_random", commit),
    }
    assert sources["vsr"]["removed"] == {"image in vsr test": 1}
    pinned = {"vsr": f"cambridgeltl/vsr_zeroshot@{commit}"}
    zeroshot: dict[str, Any] = {"shares": {"vsr": 1}, "settings": Settings(vsr_split="zeroshot")}
    build_mix(tmp_path / "b", num_samples=1, annotations=pinned, **zeroshot, **asked)
    assert read_manifest(tmp_path / "b")["sources"]["vsr"]["revision"] == commit
    with pytest.raises(InputError, match="test items of the other"):
        build_mix(tmp_path / "c", num_samples=1, annotations=pinned, shares={"vsr": 1}, **asked)


def test_annotations_are_downloaded_from_the_hub(tmp_path: Path) -> None:
    given, hub = fixture(tmp_path / "in"), Hub()
    files = {
        f"{split}.jsonl": (given["vsr"] / f"data/splits/random/{split}.jsonl").read_bytes()
        for split in ("train", "test")
    }
    hub.repos["cambridgeltl/vsr_random"] = Repo(False, {"main": files | {"large.bin": b"0" * 100_000}})
    env = os.environ | {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf"),
                        "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}  # fmt: skip
    command = [sys.executable, "-m", "pgt_lora", "mix", "--shares", "vsr", "--num-samples", "2", "--out", "a"]
    command += ["--image-root", str(tmp_path / "in/root"), "--cache", "cache"]
    try:
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    finally:
        hub.shutdown()
        hub.server_close()
    assert done.returncode == 0, done.stderr
    facts = read_manifest(tmp_path / "a")["sources"]["vsr"]
    assert (facts["origin"], facts["drawn"]) == ("cambridgeltl/vsr_random", 2)
    assert facts["revision"] == sha(hub.repos["cambridgeltl/vsr_random"].branches["main"])
    assert [path.name for path in (tmp_path / "hf").rglob("*") if path.name in {*files, "large.bin"}] == ["train.jsonl"]


def test_rows_of_the_hub(tmp_path: Path) -> None:
    picture = {"bytes": jpeg(1), "path": None}
    turns = {
        "prompt": [[{"role": "user", "content": "How many?"}]],
        "completion": [[{"role": "assistant", "content": "2"}]],
    }
    many = Dataset.from_dict(turns | {"images": [[picture]]}).cast_column("images", List(Image()))
    plain = Dataset.from_dict({"prompt": ["How many?"], "completion": ["2"], "image": [picture], "group": ["coco:5"]})
    for dataset, group in ((many, "me/data:0"), (plain.cast_column("image", Image()), "coco:5")):
        (candidate,) = candidates(dataset, "me/data")
        sample = candidate.make(())
        assert (sample.id, candidate.group, sample.group) == ("me/data-000000", group, group)
        assert (sample.question, sample.answer, sample.images) == ("How many?", "2", (jpeg(1),))
        assert sample.source == "me/data"
    with pytest.raises(InputError, match="columns"):
        candidates(Dataset.from_dict({"text": ["a"]}), "me/data")
    several = {
        "prompt": [[{"role": "user", "content": "a"}] * 2],
        "completion": [[{"role": "assistant", "content": "b"}]],
    }
    (candidate,) = candidates(
        Dataset.from_dict(several | {"image": [picture]}).cast_column("image", Image()), "me/data"
    )
    with pytest.raises(InputError, match="one turn"):
        candidate.make(())


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["pgt-lora", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0), capsys.readouterr().err


def test_the_command(
    standin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ",".join(f"{name}={path}" for name, path in annotations(standin).items())
    words = ["mix", "--num-samples", "12", "--seed", "3", "--out", str(tmp_path / "a"), "--annotations", given]
    words += ["--image-root", str(standin / IMAGES)]
    assert call(monkeypatch, capsys, *words, "--shares", "tallyqa=2,vsr,spatialladder=1")[0] == 0
    mix(standin, tmp_path / "b", 12, seed=3, shares={"tallyqa": 2, "vsr": 1, "spatialladder": 1})
    assert read_manifest(tmp_path / "a") == read_manifest(tmp_path / "b")
    assert call(monkeypatch, capsys, "preview", str(tmp_path / "a"))[0] == 0
    for bad, says in (
        (["--shares", "cats=1"], "--shares cats"),
        (["--shares", "vsr=many"], "positive number"),
        (["--shares", "vsr=1,vsr=2"], "stands twice"),
        (["--annotations", "cats=/x"], "unknown 'cats'"),
        (["--annotations", "vsr"], "no name=value"),
        (["--annotations", "vsr=/nowhere/x", "--shares", "vsr"], "no such file"),
        (["--annotations", f"vsr={tmp_path}", "--shares", "vsr"], "no train annotations of vsr"),
        (["--shares", "owner/name"], "not to be had from the Hub"),
        (["--shares", str(tmp_path)], "dataset directory or Hub id"),
        (["--on-missing", "skip"], "known: error, redraw"),
        (["--vsr-split", "all"], "known: random, zeroshot"),
        (["--image-root", str(tmp_path / "none")], "no such directory"),
        (["--mirror", "flickr=x"], "unknown 'flickr'"),
        (["--vg-to-coco", str(tmp_path / "none")], "image_data.json"),
        (["--annotations", "vsr=cambridgeltl/vsr_random", "--shares", "vsr"], "pass local files"),
    ):
        status, error = call(monkeypatch, capsys, *words[:5], "--out", str(tmp_path / "new"), *words[7:], *bad)
        message = [line for line in error.splitlines() if line.startswith("pgt-lora: ")]
        assert (status, len(message)) == (2, 1), (bad, error)
        assert says in message[0], bad
        assert not (tmp_path / "new").exists()


def test_pairs() -> None:
    assert parse_pairs("--x", None) == {}
    assert parse_pairs("--x", "a=1,b", default="2") == {"a": "1", "b": "2"}
    assert parse_pairs("--x", "runs/a=b=1") == {"runs/a=b": "1"}
    for text in ("a=", "=1", ",", "a=1,a=2"):
        with pytest.raises(InputError, match="--x"):
            parse_pairs("--x", text)

"""What is left out of a mix: duplicates, images of evaluation sets, the other family of VSR."""

from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.mix.request import MixRequest
from pgt_lora.data.sources.source import Crowds, SourceSettings
from pgt_lora.studies.compare.runs import shared_images
from tests.support.mixes import fixture, mix, mixed, rows
from tests.support.own_data import imported


def test_groups_join_the_sources_and_duplicates_go(tmp_path: Path) -> None:
    given = fixture(tmp_path / "in")
    shares = {"tallyqa": 3.0, "vsr": 2.0, "spatialladder": 2.0}
    mixed(tmp_path / "a", num_samples=7, seed=0, shares=shares, annotations=given, image_root=tmp_path / "in/root")
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
    mixed(tmp_path / "a", num_samples=2, shares={"tallyqa": 1, "spatialladder": 1}, exclude=exclude, **asked)
    assert sorted(row["group"] for row in rows(tmp_path / "a")) == ["scannet:scene0022", "vg:2410408"]
    manifest = read_manifest(tmp_path / "a")
    assert manifest["asked"]["exclude"] == ["vsr test", "tallyqa test", "groups.txt"]
    assert manifest["sources"]["tallyqa"]["removed"] == {
        "exact duplicate": 1, "image in tallyqa test": 1, "image in vsr test": 1,
    }  # fmt: skip
    assert manifest["sources"]["spatialladder"]["removed"]["image in groups.txt"] == 1
    # A dataset directory as the evaluation set.
    with pytest.raises(InputError, match=r"vsr: 1 rows are needed, but there are 0 of 2 .*2 removed \(image in b\)"):
        mixed(tmp_path / "b", num_samples=2, shares={"vsr": 1}, **asked)
        mixed(tmp_path / "c", num_samples=1, shares={"vsr": 1}, exclude=[str(tmp_path / "b")], **asked)
    with_mapping = SourceSettings(vg_to_coco={2410408: 42})
    mixed(tmp_path / "d", num_samples=3, shares={"tallyqa": 1}, settings=with_mapping, **asked)
    assert {row["group"] for row in rows(tmp_path / "d")} == {"coco:42", "coco:296471"}


def test_an_image_is_left_out_by_its_file_whatever_its_group(standin: Path, tmp_path: Path) -> None:
    mix(standin, tmp_path / "a", 5, shares={"vsr": 1})
    own = imported([row["images"][0]["bytes"] for row in rows(tmp_path / "a")], tmp_path / "own")
    assert not {row["group"] for row in rows(own)} & {row["group"] for row in rows(tmp_path / "a")}
    manifest = mix(standin, tmp_path / "c", None, shares={"vsr": 1}, exclude=[str(own)])
    assert manifest["sources"]["vsr"]["removed"]["image in own"] == 5
    assert manifest["num_samples"] == manifest["sources"]["vsr"]["drawn"] == manifest["sources"]["vsr"]["rows"] - 5
    assert shared_images({"own": own}, tmp_path / "c") == 0
    with pytest.raises(InputError, match=r"there are 0 of 5 read, 5 removed \(image in own\)"):
        mix(standin, tmp_path / "d", 1, shares={str(tmp_path / "a"): 1}, exclude=[str(own)])


def test_a_setting_of_a_source_that_is_not_asked_for_is_refused() -> None:
    for option, source, settings in (
        ("--crowds", "coco_position", SourceSettings(crowds=Crowds.IGNORE)),
        ("--multi-view", "spatialladder", SourceSettings(multi_view=True)),
        ("--absolute-distance", "spatialladder", SourceSettings(absolute_distance=True)),
        ("--vsr-split", "vsr", SourceSettings(vsr_split="zeroshot")),
    ):
        with pytest.raises(InputError, match=rf"^{option} is for {source}: name it in --shares or --exclude, or leave"):
            MixRequest(1, shares={"tallyqa": 1.0}, settings=settings).check()
        MixRequest(1, shares={source: 1.0}, settings=settings).check()
        MixRequest(1, shares={"tallyqa": 1.0}, settings=settings, exclude=[f"{source}=FILE"]).check()


@pytest.mark.parametrize("entry", ["nowhere", "{tmp}/cats.txt", "{tmp}/in", "vsr={tmp}/in/ladder.jsonl"])
def test_what_cannot_be_excluded_is_an_error(tmp_path: Path, entry: str) -> None:
    given = fixture(tmp_path / "in")
    (tmp_path / "cats.txt").write_text("coco:1\n296471\n")
    with pytest.raises(InputError, match=r"--exclude|line 2|caption is None"):
        mixed(
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
    zeroshot = SourceSettings(vsr_split="zeroshot")
    mixed(tmp_path / "z", num_samples=1, shares={"vsr": 1}, settings=zeroshot, **asked)
    assert rows(tmp_path / "z")[0]["group"] == "coco:172406"
    both = f"{tmp_path / 'z'} is zeroshot, vsr is random"
    with pytest.raises(InputError, match=both):
        mixed(tmp_path / "a", num_samples=2, shares={"vsr": 1, str(tmp_path / "z"): 1}, **asked)
    mixed(tmp_path / "nested", num_samples=1, shares={str(tmp_path / "z"): 1}, **asked)
    with pytest.raises(InputError, match=f"{tmp_path / 'nested'} is zeroshot, vsr is random"):
        mixed(tmp_path / "a", num_samples=2, shares={"vsr": 1, str(tmp_path / "nested"): 1}, **asked)
    with pytest.raises(InputError, match="never mixed"):
        mixed(tmp_path / "a", num_samples=1, shares={"vsr": 1}, exclude=[str(tmp_path / "z")], **asked)
    with pytest.raises(InputError, match="test items of the other"):
        mixed(
            tmp_path / "a", num_samples=1, shares={"vsr": 1}, settings=zeroshot,
            **asked | {"annotations": {"vsr": tmp_path / "in/vsr/data/splits/random/train.jsonl"}},
        )  # fmt: skip

"""What all sources have in common: discovery, and the groups of their images."""

import json
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.sources.groups import coco_group, coco_id, read_vg_to_coco, vg_group
from tests.support.discovered import SOURCES


def test_the_three_sources_are_found() -> None:
    assert [name for name, source in SOURCES.items() if source.in_default_mix] == ["spatialladder", "tallyqa", "vsr"]


@pytest.mark.parametrize(
    "spelling", ["COCO_train2014_000000296471.jpg", "train2014/COCO_train2014_000000296471.jpg", "000000296471.jpg",
                 "val2017/000000296471.jpg", "COCO_val2014_000000296471", "296471", 296471],
)  # fmt: skip
def test_every_spelling_of_a_coco_id_is_one_group(spelling: str | int) -> None:
    assert coco_group(spelling, "row 1") == "coco:296471"


def test_what_is_no_id_is_refused() -> None:
    assert coco_id("COCO_train2014_.jpg") is None
    assert coco_id("scene0022_00/a1760.jpg") is None
    with pytest.raises(InputError, match="row 7"):
        coco_group("cat.jpg", "row 7")
    with pytest.raises(InputError, match="row 7"):
        vg_group("VG_100K/cat.jpg", {}, "row 7")


def test_visual_genome_images_are_mapped_to_coco(tmp_path: Path) -> None:
    path = tmp_path / "image_data.json"
    path.write_text(json.dumps([{"image_id": 2410408, "coco_id": 296471}, {"image_id": 5, "coco_id": None}]))
    assert read_vg_to_coco(path) == {2410408: 296471}
    assert vg_group("VG_100K_2/2410408.jpg", {2410408: 296471}, "") == "coco:296471"
    assert vg_group("VG_100K/5.jpg", {2410408: 296471}, "") == "vg:5"
    path.write_text("{}[")
    with pytest.raises(InputError, match=r"image_data\.json"):
        read_vg_to_coco(path)

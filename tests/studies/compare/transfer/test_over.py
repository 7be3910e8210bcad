"""Scenes over other grounds: the same questions, answers that stay right, and nothing that is lost."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2lab

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import MANIFEST, open_dataset, read_manifest
from pgt_lora.data.generate import generate
from pgt_lora.data.scene import Canvas, render
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.studies.compare.transfer import grounds as transfer_grounds
from pgt_lora.studies.compare.transfer.grounds import PHOTOGRAPHS, PLAIN_COLORS, TEXTURES_UNSEEN, Grounds
from pgt_lora.studies.compare.transfer.over import over, scene_over
from pgt_lora.studies.compare.transfer.photographs import ALL, TEST, TRAIN, Photograph, license_of
from pgt_lora.tiny.grounds import KINDS
from tests.support import differences
from tests.support.command import call

SORTS = {
    "colors": PLAIN_COLORS,
    "textures": TEXTURES_UNSEEN,
    "train": PHOTOGRAPHS["train"],
    "test": PHOTOGRAPHS["test"],
}


@pytest.fixture(scope="module")
def gray_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("gray") / "pgt", "112", 60)


def drawn(directory: Path, canvas: str, number: int) -> Path:
    generate(directory, num_samples=number, seed=4, split="test", settings=TaskSettings(Canvas.parse(canvas)))
    return directory


def check_labels(gray: Path, grounds: Grounds) -> None:
    rows, others = open_dataset(gray).to_list(), open_dataset(over(gray, grounds)).to_list()
    assert len(rows) == len(others)
    for index, (row, other) in enumerate(zip(rows, others, strict=True)):
        for kept in ("id", "prompt", "completion", "answer", "choices", "task", "template"):
            assert row[kept] == other[kept]
        ground = scene_over(row, index, grounds)[1].pixels
        image = Image.open(io.BytesIO(other["images"][0]["bytes"]))
        assert differences.answer(image, ground, row["prompt"][0]["content"]) == row["answer"], row["id"]
        assert least_contrast(np.asarray(image), ground) > 20, row["id"]


def least_contrast(pixels: np.ndarray, ground: np.ndarray) -> float:
    """Return the least of all patches' median color differences (CIE 1976) from the ground under them."""
    labels, number = ndimage.label((pixels != ground).any(axis=2))
    contrast = np.linalg.norm(rgb2lab(pixels) - rgb2lab(ground), axis=2)
    patches = [labels == patch for patch in range(1, number + 1)]
    return float(min(np.median(contrast[patch]) for patch in patches if patch.sum() > 15))


@pytest.mark.parametrize("sort", SORTS)
def test_an_oracle_that_sees_what_differs_agrees(sort: str, gray_dir: Path) -> None:
    check_labels(gray_dir, SORTS[sort])


@pytest.mark.slow
@pytest.mark.parametrize("canvas", ["112", "320x240"])
@pytest.mark.parametrize("sort", SORTS)
def test_the_oracle_agrees_on_many(sort: str, canvas: str, tmp_path: Path) -> None:
    check_labels(drawn(tmp_path / "pgt", canvas, 300), SORTS[sort])


def test_a_ground_that_hides_a_primitive_is_rejected_and_counted(
    gray_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = read_manifest(over(gray_dir, PHOTOGRAPHS["test"]))
    assert sum(manifest["grounds"].values()) == 60
    assert sum(manifest["rejections"].values()) == sum(manifest["rejected_grounds"].values()) > 0
    for name in ("is_certain", "keeps_color"):
        monkeypatch.setattr(transfer_grounds, name, lambda *_: True)
    least = []
    for index, row in enumerate(open_dataset(gray_dir).to_list()):
        scene, laid = scene_over(row, index, PLAIN_COLORS)
        least.append(least_contrast(np.asarray(render(scene, Image.fromarray(laid.pixels))), laid.pixels))
    assert min(least) < 15


def test_what_is_made_is_reused_and_follows_the_gray_data(tmp_path: Path) -> None:
    gray = drawn(tmp_path / "pgt", "112", 10)
    path = over(gray, PLAIN_COLORS)
    made = (path / MANIFEST).stat().st_mtime_ns
    assert over(gray, PLAIN_COLORS) == path
    assert (path / MANIFEST).stat().st_mtime_ns == made
    generate(gray, num_samples=10, seed=5, settings=TaskSettings(Canvas(112, 112)), overwrite=True)
    assert (over(gray, PLAIN_COLORS) / MANIFEST).stat().st_mtime_ns != made


def test_terms_of_the_photographs_are_those_of_the_samples(
    gray_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = over(gray_dir, PHOTOGRAPHS["train"])
    source = read_manifest(made)["sources"]["pgt"]
    assert source["drawn"] == 60 and "flower: vultilion on Flickr, CC BY 2.0" in source["license"]["images"]
    status, error = call(monkeypatch, capsys, "push-dataset", str(made), "a/b", "--dry-run")
    assert status == 2 and "motorcycle: Middlebury 2014 stereo data, no license stated" in error
    assert "pass --annotations-only" in error
    assert license_of(["china", "coffee"])["redistributable"]
    assert "sources" not in read_manifest(over(gray_dir, PLAIN_COLORS))
    table = (Path(__file__).parents[4] / "data" / "README.md").read_text()
    for name, each in ALL.items():
        (line,) = (line for line in table.splitlines() if line.startswith(f"| {name} |"))
        assert each.origin in line and (each.terms in line or "none stated" in line)


def test_no_photograph_is_trained_on_and_tested_on(gray_dir: Path) -> None:
    assert len(TEST) >= 4 and len(TRAIN) >= 4
    assert not set(TRAIN) & set(TEST)
    assert len({each.path.read_bytes() for each in ALL.values()}) == len(ALL)
    groups = [{row["group"] for row in open_dataset(over(gray_dir, each))} for each in PHOTOGRAPHS.values()]
    assert [len(each) for each in groups] == [len(TRAIN), len(TEST)]
    assert not groups[0] & groups[1]


def test_textures_are_of_kinds_that_pre_training_lacks_and_colors_are_not_gray(gray_dir: Path) -> None:
    assert not set(TEXTURES_UNSEEN.names) & set(KINDS)
    rows = open_dataset(gray_dir).to_list()
    colors = [scene_over(row, index, PLAIN_COLORS)[1].pixels for index, row in enumerate(rows)]
    assert all((each == each[0, 0]).all() for each in colors)
    assert len({tuple(each[0, 0]) for each in colors}) > 50
    gray = rgb2lab(np.full((1, 1, 3), 128, np.uint8))
    assert all(np.linalg.norm(rgb2lab(each[:1, :1]) - gray) > 19 for each in colors)
    for index, row in enumerate(rows[:20]):
        pixels = scene_over(row, index, TEXTURES_UNSEEN)[1].pixels
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1


def test_a_photograph_that_is_not_installed_is_named_with_the_remedy() -> None:
    for photograph in (Photograph("no_such_package", "a.png", ""), Photograph("skimage", "data/none.png", "")):
        with pytest.raises(InputError, match=r"pip install scikit-image scikit-learn matplotlib"):
            _ = photograph.path

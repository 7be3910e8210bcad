"""Images are found locally or fetched, once."""

import io
import threading
from pathlib import Path

import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.data.mix.images import Shelf, local_paths, obtain
from pgt_lora.data.sources.source import ImageRef
from tests.support.image_hosts import photographs, shelf
from tests.support.loopback import Host
from tests.support.originals import jpeg, put


def test_images_come_from_all_hosts_and_only_once(
    host: Host, tmp_path: Path, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    references = photographs(host)
    first = obtain(references[:7], shelf(host, tmp_path, waits))
    assert "7 of 7 images to fetch" in (said := " ".join(capsys.readouterr().out.split()))
    assert "6 of coco, about 0.9 MB; 1 of vg, about 0.1 MB" in said
    assert len(host.requests) == 7
    every = obtain(references, shelf(host, tmp_path, waits))
    assert "2 of 9 images to fetch" in (said := " ".join(capsys.readouterr().out.split()))
    assert "2 of spatialladder, 0.0 MB" in said
    assert len(host.requests) == 7 + 1 + 2  # the archive's directory, and one range for each of its members
    assert not first.problems
    assert not every.problems
    assert every.paths[references[7]].read_bytes() == jpeg(8)
    assert obtain(references, shelf(host, tmp_path, waits)) == every
    assert len(host.requests) == 10
    assert not list(tmp_path.rglob("*.partial"))


def test_images_are_fetched_side_by_side(host: Host, tmp_path: Path, waits: list[float]) -> None:
    references = photographs(host)[:6]
    host.together = {f"/{each.path}" for each in references}
    host.barrier = threading.Barrier(3)  # three requests wait for each other: one after the other, none is answered
    assert len(obtain(references, shelf(host, tmp_path, waits, num_threads=3)).paths) == 6


def test_what_is_no_image_is_named_and_not_kept(host: Host, tmp_path: Path, waits: list[float]) -> None:
    references = photographs(host)[:4]
    host.files["/train2017/000000000001.jpg"] = b"<html>not here</html>"
    host.files["/train2017/000000000002.jpg"] = jpeg(2)[:-200]
    del host.files["/train2017/000000000003.jpg"]
    obtained = obtain(references, shelf(host, tmp_path, waits))
    assert set(obtained.paths) == {references[0]}
    for index, reason in ((1, "its image cannot be read"), (2, "its image cannot be read"), (3, "404")):
        assert references[index].path.split("/")[1] in obtained.problems[references[index]]
        assert reason in obtained.problems[references[index]]
    assert [path.name for path in tmp_path.rglob("*.jpg")] == ["000000000000.jpg"]


def test_an_interrupted_run_goes_on_where_it_was(host: Host, tmp_path: Path, waits: list[float]) -> None:
    references = photographs(host)[:6]
    host.faults["/train2017/000000000004.jpg"] = [500] * 6
    with pytest.raises(InputError, match="gave up"):
        obtain(references, shelf(host, tmp_path, waits, num_threads=1))
    kept = len(list(tmp_path.rglob("*.jpg")))
    assert kept >= 4
    before = len(host.requests)
    assert len(obtain(references, shelf(host, tmp_path, waits)).paths) == 6
    assert len(host.requests) - before == 6 - kept


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        (ImageRef("coco", "train2014/COCO_train2014_000000000042.jpg"), "train2014/COCO_train2014_000000000042.jpg"),
        (ImageRef("coco", "train2014/COCO_train2014_000000000042.jpg"), "train2017/000000000042.jpg"),
        (ImageRef("coco", "train2017/000000000042.jpg"), "val2017/000000000042.jpg"),
        (ImageRef("coco", "train2017/000000000042.jpg"), "coco/train2017/000000000042.jpg"),
        (ImageRef("coco", "train2014/COCO_train2014_000000000042.jpg"), "coco/train2017/000000000042.jpg"),
        (ImageRef("vg", "VG_100K/5.jpg"), "VG_100K/5.jpg"),
        (ImageRef("vg", "VG_100K/5.jpg"), "vg/VG_100K_2/5.jpg"),
        (ImageRef("vg", "VG_100K/5.jpg"), "VG_100K_2/5.jpg"),
        (ImageRef("spatialladder", "scene0022_00/1.jpg"), "scene0022_00/1.jpg"),
        (ImageRef("spatialladder", "scene0022_00/1.jpg"), "images/scene0022_00/1.jpg"),
    ],
)
def test_local_copies_are_found_in_the_usual_layouts(tmp_path: Path, reference: ImageRef, place: str) -> None:
    put(tmp_path / place)
    shelf = Shelf(tmp_path / "cache", root=tmp_path)
    assert obtain([reference], shelf).paths == {reference: tmp_path / place}
    assert next(local_paths(reference)) == reference.path
    (tmp_path / place).unlink()
    assert "is missing" in obtain([reference], shelf).problems[reference]
    put(tmp_path / place)
    (tmp_path / place).write_bytes(jpeg(0)[:-100])
    assert "its image cannot be read" in obtain([reference], shelf).problems[reference]
    assert (tmp_path / place).exists()  # the user's own files are left alone


def test_images_of_a_broken_png_are_named(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    (tmp_path / "train2017").mkdir()
    (tmp_path / "train2017/000000000001.jpg").write_bytes(file.getvalue()[:60])
    reference = ImageRef("coco", "train2017/000000000001.jpg")
    assert "its image cannot be read" in obtain([reference], Shelf(tmp_path, root=tmp_path)).problems[reference]

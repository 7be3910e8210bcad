import random
import threading
from pathlib import Path

import pytest
from pgt_lora.data.sources.source import ImageRef

from pgt_lora.core.errors import InputError
from pgt_lora.data.mix import fetch, remote_zip
from pgt_lora.data.mix.images import Shelf, obtain
from tests.loopback import Host
from tests.originals import archive, jpeg

BODY = random.Random(0).randbytes(200_000)


@pytest.fixture
def waits() -> list[float]:
    return []


def shelf(host: Host, cache: Path, waits: list[float], **fields: object) -> Shelf:
    hosts = {"coco": host.address, "vg": host.address, "spatialladder": f"{host.address}/images.zip"}
    return Shelf(cache, hosts=hosts, wait=waits.append, **fields)  # type: ignore[arg-type]


def test_a_body_that_was_cut_is_resumed(host: Host, tmp_path: Path, waits: list[float]) -> None:
    host.files["/a"], host.faults["/a"] = BODY, ["cut", "cut"]
    fetch.download(f"{host.address}/a", tmp_path / "a", waits.append)
    assert (tmp_path / "a").read_bytes() == BODY
    assert [request.range for request in host.requests] == [None, "bytes=100000-", "bytes=150000-"]
    assert host.sent() == len(BODY)
    assert waits == [1.0, 2.0]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_an_earlier_run_left_is_not_fetched_again(host: Host, tmp_path: Path, waits: list[float]) -> None:
    host.files["/a"] = BODY
    (tmp_path / "a.partial").write_bytes(BODY[:150_000])
    fetch.download(f"{host.address}/a", tmp_path / "a", waits.append)
    assert (tmp_path / "a").read_bytes() == BODY
    assert host.sent() == 50_000
    (tmp_path / "b.partial").write_bytes(BODY)
    fetch.download(f"{host.address}/a", tmp_path / "b", waits.append)
    assert (tmp_path / "b").read_bytes() == BODY
    assert host.sent() == 50_000
    (tmp_path / "c.partial").write_bytes(BODY + b"of another file")
    fetch.download(f"{host.address}/a", tmp_path / "c", waits.append)
    assert (tmp_path / "c").read_bytes() == BODY


def test_a_host_without_ranges_sends_the_whole(host: Host, tmp_path: Path, waits: list[float]) -> None:
    host.files["/a"], host.faults["/a"] = BODY, ["no ranges"]
    (tmp_path / "a.partial").write_bytes(b"x" * 10)
    fetch.download(f"{host.address}/a", tmp_path / "a", waits.append)
    assert (tmp_path / "a").read_bytes() == BODY


@pytest.mark.parametrize(
    ("faults", "waited"),
    [
        ([(429, "7")], [7.0]),
        ([(503, "0"), 429], [0.0, 2.0]),
        ([500, 502, 504], [1.0, 2.0, 4.0]),
        ([(429, "999")], [300]),
    ],
)
def test_a_busy_host_is_asked_again(
    host: Host, tmp_path: Path, waits: list[float], faults: list[object], waited: list[float]
) -> None:
    host.files["/a"], host.faults["/a"] = BODY, faults
    fetch.download(f"{host.address}/a", tmp_path / "a", waits.append)
    assert (tmp_path / "a").read_bytes() == BODY
    assert waits == waited


def test_a_host_that_stays_busy_is_given_up(host: Host, tmp_path: Path, waits: list[float]) -> None:
    host.files["/a"], host.faults["/a"] = BODY, [500] * 99
    with pytest.raises(InputError, match="given up after 6 tries"):
        fetch.download(f"{host.address}/a", tmp_path / "a", waits.append)
    assert len(host.requests) == 6
    assert waits == [1, 2, 4, 8, 16]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_asked_for_once(host: Host, tmp_path: Path, waits: list[float]) -> None:
    with pytest.raises(fetch.Missing, match="404"):
        fetch.download(f"{host.address}/a", tmp_path / "a", waits.append)
    assert len(host.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_offline_means_offline(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="HF_HUB_OFFLINE"):
        fetch.download(f"{host.address}/a", tmp_path / "a")
    assert host.requests == []


def test_only_the_ranges_of_the_wanted_members_are_fetched(host: Host, waits: list[float]) -> None:
    members = {f"scene{index:04d}_00/0.jpg": random.Random(index).randbytes(20_000) for index in range(100)}
    host.files["/images.zip"] = archive(members)
    url = f"{host.address}/images.zip"
    directory = remote_zip.read_directory(url, waits.append)
    assert list(directory) == list(members)
    opened = host.sent()
    assert opened <= 1 << 16  # the end of the file holds the whole directory
    for name in ("scene0007_00/0.jpg", "scene0042_00/0.jpg"):
        before = host.sent()
        assert remote_zip.read_member(url, directory[name], waits.append) == members[name]
        fetched = host.sent() - before
        assert directory[name].compress_size < fetched <= directory[name].compress_size + 400
    assert len(host.requests) == 3
    assert host.sent() < len(host.files["/images.zip"]) / 15


def test_a_long_directory_and_long_extra_fields(host: Host, waits: list[float]) -> None:
    extra = b"\xfe\xca" + (1000).to_bytes(2, "little") + bytes(1000)
    members = {f"images/scene{index:04d}_00/0.jpg": b"%d" % index * 50 for index in range(150)}
    host.files["/images.zip"] = archive(members, extra)
    url = f"{host.address}/images.zip"
    directory = remote_zip.read_directory(url, waits.append)
    for name in ("images/scene0000_00/0.jpg", "images/scene0149_00/0.jpg"):
        assert remote_zip.read_member(url, directory[name], waits.append) == members[name]


@pytest.mark.parametrize("name", ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg"])
def test_members_that_lead_out_of_the_archive_are_refused(host: Host, waits: list[float], name: str) -> None:
    host.files["/images.zip"] = archive({"scene/0.jpg": b"1", name: b"2"})
    with pytest.raises(InputError, match="leads out of the archive"):
        remote_zip.read_directory(f"{host.address}/images.zip", waits.append)


def test_a_damaged_archive_is_not_taken_for_a_whole_one(host: Host, waits: list[float]) -> None:
    members = {"a.jpg": BODY[:5000], "b.jpg": BODY[:5000]}
    url = f"{host.address}/images.zip"
    whole = archive(members)
    host.files["/images.zip"] = whole
    directory = remote_zip.read_directory(url, waits.append)
    for place in (0, 1000, directory["b.jpg"].header_offset + 1000):
        host.files["/images.zip"] = whole[:place] + b"\xff\xff\xff\xff" + whole[place + 4 :]
        with pytest.raises(fetch.Missing, match="damaged"):
            remote_zip.read_member(url, directory["a.jpg" if place < 4000 else "b.jpg"], waits.append)
    host.files["/images.zip"] = BODY
    with pytest.raises(fetch.Missing, match="not a zip"):
        remote_zip.read_directory(url, waits.append)
    host.files["/images.zip"], host.faults["/images.zip"] = whole, ["no ranges"]
    with pytest.raises(fetch.Missing, match="parts of files"):
        remote_zip.read_directory(url, waits.append)


def test_a_cut_range_is_asked_for_again(host: Host, waits: list[float]) -> None:
    host.files["/images.zip"] = archive({"a.jpg": BODY})
    url = f"{host.address}/images.zip"
    directory = remote_zip.read_directory(url, waits.append)
    host.faults["/images.zip"] = ["cut", (429, "3")]
    assert remote_zip.read_member(url, directory["a.jpg"], waits.append) == BODY
    assert waits == [1.0, 3.0]


def photographs(host: Host) -> list[ImageRef]:
    host.files |= {f"/train2017/{index:012d}.jpg": jpeg(index) for index in range(6)}
    host.files["/VG_100K/7.jpg"] = jpeg(7)
    host.files["/images.zip"] = archive({"images/scene0001_00/0.jpg": jpeg(8), "scene0002_00/0.jpg": jpeg(9)})
    names = [("coco", f"train2017/{index:012d}.jpg") for index in range(6)]
    names += [("vg", "VG_100K/7.jpg"), ("spatialladder", "scene0001_00/0.jpg"), ("spatialladder", "scene0002_00/0.jpg")]
    return [ImageRef(*name) for name in names]


def test_images_come_from_all_hosts_and_only_once(
    host: Host, tmp_path: Path, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    references = photographs(host)
    first = obtain(references[:7], shelf(host, tmp_path, waits))
    assert "7 of 7 images to fetch" in (said := " ".join(capsys.readouterr().out.split()))
    assert "6 of coco, about 1 MB; 1 of vg, about 0 MB" in said
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
    for index, reason in ((1, "no whole image"), (2, "no whole image"), (3, "404")):
        assert references[index].path.split("/")[1] in obtained.problems[references[index]]
        assert reason in obtained.problems[references[index]]
    assert [path.name for path in tmp_path.rglob("*.jpg")] == ["000000000000.jpg"]


def test_an_interrupted_run_goes_on_where_it_was(host: Host, tmp_path: Path, waits: list[float]) -> None:
    references = photographs(host)[:6]
    host.faults["/train2017/000000000004.jpg"] = [500] * 6
    with pytest.raises(InputError, match="given up"):
        obtain(references, shelf(host, tmp_path, waits, num_threads=1))
    kept = len(list(tmp_path.rglob("*.jpg")))
    assert kept >= 4
    before = len(host.requests)
    assert len(obtain(references, shelf(host, tmp_path, waits)).paths) == 6
    assert len(host.requests) - before == 6 - kept

"""Members of a remote archive are fetched by their ranges alone."""

import io
import random
import zipfile

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data import fetch
from pgt_lora.data.mix import remote_zip
from tests.support.image_hosts import BODY
from tests.support.loopback import Host
from tests.support.originals import archive


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
    with pytest.raises(InputError, match="points outside the archive"):
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


def test_a_member_of_an_absurd_size_is_refused(host: Host, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{host.address}/images.zip"
    with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("zeros.jpg", bytes(1 << 20))
    host.files["/images.zip"] = file.getvalue()
    (member,) = remote_zip.read_directory(url, waits.append).values()
    assert member.compress_size < 5000
    for said in (100, (1 << 20) - 1, (1 << 20) + 1):  # it says less than it holds, or more
        member.file_size = said
        with pytest.raises(fetch.Missing, match="damaged"):
            remote_zip.read_member(url, member, waits.append)
    before = host.sent()
    for name in ("file_size", "compress_size"):
        setattr(member, name, 2 << 30)
        with pytest.raises(fetch.Missing, match="bytes, more than the 67,108,864"):
            remote_zip.read_member(url, member, waits.append)
        setattr(member, name, 100)
    assert host.sent() == before
    monkeypatch.setattr(remote_zip, "DIRECTORY_BYTES", 1000)
    host.files["/images.zip"] = archive({f"images/{index:09d}.jpg": b"1" for index in range(2000)})
    with pytest.raises(fetch.Missing, match="a directory of"):
        remote_zip.read_directory(url, waits.append)

"""Downloads go on where they were cut, and give up in time."""

from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data import fetch
from tests.support.image_hosts import BODY
from tests.support.loopback import Host


def test_a_body_that_was_cut_is_resumed(host: Host, tmp_path: Path, waits: list[float]) -> None:
    host.files["/a"], host.faults["/a"] = BODY, ["cut", "cut"]
    fetch.download(f"{host.address}/a", tmp_path / "a", waits.append)
    assert (tmp_path / "a").read_bytes() == BODY
    assert [request.range for request in host.requests] == [None, "bytes=100000-", "bytes=150000-"]
    assert host.sent() == len(BODY)
    assert waits == [1.0, 2.0]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def leave(host: Host, path: Path, waits: list[float]) -> None:
    """What a run leaves that is interrupted in the middle of `/a`."""

    class Interrupted(BaseException):
        pass

    def interrupt(seconds: float) -> None:
        raise Interrupted

    host.faults["/a"] = ["cut"]
    with pytest.raises(Interrupted):
        fetch.download(f"{host.address}/a", path, interrupt)


def test_what_an_earlier_run_left_is_not_fetched_again(host: Host, tmp_path: Path, waits: list[float]) -> None:
    host.files["/a"] = BODY
    leave(host, tmp_path / "a", waits)
    fetch.download(f"{host.address}/a", tmp_path / "a", waits.append)
    assert (tmp_path / "a").read_bytes() == BODY
    assert host.sent() == len(BODY)
    leave(host, tmp_path / "b", waits)
    (tmp_path / "b.partial").write_bytes(BODY)
    before = host.sent()
    fetch.download(f"{host.address}/a", tmp_path / "b", waits.append)
    assert (tmp_path / "b").read_bytes() == BODY
    assert host.sent() == before
    (tmp_path / "c.partial").write_bytes(BODY + b"of another file")
    fetch.download(f"{host.address}/a", tmp_path / "c", waits.append)
    assert (tmp_path / "c").read_bytes() == BODY
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


@pytest.mark.parametrize("faults", [[], ["careless"], ["no tag"], ["no ranges"]])
def test_halves_of_two_files_are_never_joined(
    host: Host, tmp_path: Path, waits: list[float], faults: list[object]
) -> None:
    host.files["/a"] = BODY
    leave(host, tmp_path / "a", waits)
    host.files["/a"], host.faults["/a"] = BODY[::-1], faults
    fetch.download(f"{host.address}/a", tmp_path / "a", waits.append)
    assert (tmp_path / "a").read_bytes() == BODY[::-1]
    host.files["/a"], host.faults["/a"] = BODY, ["no tag"]
    (tmp_path / "b.partial").write_bytes(BODY[:9][::-1])  # nobody knows of what
    fetch.download(f"{host.address}/a", tmp_path / "b", waits.append)
    assert (tmp_path / "b").read_bytes() == BODY


@pytest.mark.parametrize("faults", [[], ["endless"]])
def test_what_is_too_large_is_refused(host: Host, tmp_path: Path, waits: list[float], faults: list[object]) -> None:
    host.files["/a"], host.faults["/a"] = BODY, faults
    with pytest.raises(fetch.Missing, match="more than the 199,999"):
        fetch.download(f"{host.address}/a", tmp_path / "a", waits.append, limit_bytes=len(BODY) - 1)
    assert list(tmp_path.iterdir()) == []
    assert len(host.requests) == 1
    fetch.download(f"{host.address}/a", tmp_path / "a", waits.append, limit_bytes=len(BODY))


def test_a_host_that_drips_is_given_up(
    host: Host, tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.files["/a"], host.faults["/a"] = BODY, ["endless"]
    monkeypatch.setattr(fetch, "LEAST_S", 0.05)
    monkeypatch.setattr(fetch, "SLOWEST_BYTES_PER_S", float("inf"))
    with pytest.raises(InputError, match=r"gave up after 0 s with only [\d,]+ bytes"):
        fetch.download(f"{host.address}/a", tmp_path / "a", waits.append, limit_bytes=1 << 60)
    host.faults["/a"] = ["endless"]
    with pytest.raises(fetch.Missing, match="parts of files"):
        fetch.read_range(f"{host.address}/a", 0, 100, waits.append)
    assert waits == []


def test_pauses_do_not_count(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host.files["/a"], host.faults["/a"] = BODY, [429, 503]
    now = [0.0]
    monkeypatch.setattr(fetch.time, "monotonic", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += 10_000

    fetch.download(f"{host.address}/a", tmp_path / "a", wait)
    assert (tmp_path / "a").read_bytes() == BODY


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
    with pytest.raises(InputError, match="gave up after 6 tries"):
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

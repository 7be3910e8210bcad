"""Shards: a killed overlay goes on where it was, and processes, restarts and the machine leave no trace in the hash."""

import json
import os
import pickle
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.overlay import build, shard
from pgt_lora.data.overlay.build import begin, finish, overlay_data, unfinished
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.data.overlay.shard import write_shard
from pgt_lora.data.parquet import SHARDS
from pgt_lora.models.sight import default_sight
from tests.data.overlay.test_build import talks
from tests.support.command import call
from tests.support.conversations import write_conversations

SETTINGS = OverlaySettings(proportion=0.4)
NUM_SHARDS = 4

KILLED = """
import os, signal, sys
from pathlib import Path
from typing import Any
from pgt_lora.data.overlay import build
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.data.overlay.shard import write_shard

def kill_behind(job, shard):
    facts = write_shard(job, shard)
    if shard == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return facts

build.write_shard = kill_behind
build.overlay_data(sys.argv[1], Path(sys.argv[2]), OverlaySettings(0.4), num_shards=4)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_conversations(tmp_path_factory.mktemp("source") / "talks", talks()[:20])


@pytest.fixture(scope="module")
def whole(source: Path) -> Path:
    overlay_data(str(source), source.with_name("whole"), SETTINGS, num_shards=NUM_SHARDS)
    return source.with_name("whole")


@pytest.mark.parametrize("num_proc", [2, 3])
def test_processes_change_nothing(
    source: Path, whole: Path, tmp_path: Path, num_proc: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    manifest = overlay_data(str(source), tmp_path / "out", SETTINGS, num_shards=NUM_SHARDS, num_proc=num_proc)
    assert manifest == read_manifest(whole)
    assert (tmp_path / "out" / SHARDS).read_bytes() == (whole / SHARDS).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("last", range(NUM_SHARDS))
def test_one_that_was_killed_behind_a_shard_goes_on(source: Path, whole: Path, tmp_path: Path, last: int) -> None:
    (script := tmp_path / "killed.py").write_text(KILLED)
    words = [sys.executable, str(script), str(source), str(tmp_path / "out"), str(last)]
    assert subprocess.run(words, check=False, capture_output=True).returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    left = sorted(unfinished(tmp_path / "out").glob("data/*.parquet"))
    assert len(left) == last + 1
    times = {path.name: path.stat().st_mtime_ns for path in left}
    manifest = overlay_data(str(source), tmp_path / "out", SETTINGS, num_shards=NUM_SHARDS)
    assert manifest == read_manifest(whole)
    assert times.items() <= {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out/data").iterdir()}.items()
    assert not unfinished(tmp_path / "out").exists()


def test_one_that_stopped_goes_on_with_the_missing_shards(
    source: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real, made = tmp_path / "out", shard.shard_rows, list[int]()

    def stop(job: shard.OverlayJob, number: int, outcomes: Any) -> Any:
        made.append(number)
        if made == [0, 1, 2]:
            raise KeyboardInterrupt
        return real(job, number, outcomes)

    monkeypatch.setattr(shard, "shard_rows", stop)
    with pytest.raises(KeyboardInterrupt):
        overlay_data(str(source), out, SETTINGS, num_shards=NUM_SHARDS)
    assert not out.exists()
    torn = unfinished(out) / "data" / "train-00001-of-00004.parquet"
    torn.write_bytes(torn.read_bytes()[:-100])  # as on a machine that lost its power
    with pytest.raises(InputError, match="holds shards of another overlay"):
        overlay_data(str(source), out, OverlaySettings(proportion=0.3), num_shards=NUM_SHARDS)
    assert overlay_data(str(source), out, SETTINGS, num_shards=NUM_SHARDS) == read_manifest(whole)
    assert made == [0, 1, 2, 1, 2, 3]
    assert [line["file"] for line in lines(out)] == [f"data/train-{n:05d}-of-00004.parquet" for n in range(4)]
    assert sum(line["num_samples"] for line in lines(out)) == len(open_dataset(out)) == 20


def lines(directory: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (directory / SHARDS).read_text().splitlines()]


def test_another_overlay_is_begun_where_overwrite_says_so(source: Path, tmp_path: Path) -> None:
    job = begin(str(source), tmp_path / "out", SETTINGS, num_shards=NUM_SHARDS)
    write_shard(job, 0)
    with pytest.raises(InputError, match="another overlay"):
        overlay_data(str(source), tmp_path / "out", SETTINGS, num_shards=2)
    overlay_data(str(source), tmp_path / "out", SETTINGS, num_shards=2, overwrite=True)
    assert len(lines(tmp_path / "out")) == 2


def test_shards_are_made_anywhere_in_any_order(source: Path, whole: Path, tmp_path: Path) -> None:
    job = begin(str(source), tmp_path / "out", SETTINGS, num_shards=NUM_SHARDS)
    sent = pickle.loads(pickle.dumps(job))
    write_shard(sent, 3)
    write_shard(sent, 0)
    with pytest.raises(InputError, match=r"train-00001-of-00004.parquet: is one of 2 missing shards"):
        finish(job, tmp_path / "out")
    facts = [write_shard(sent, number) for number in (2, 1, 2)]
    assert facts[0] == facts[2]
    assert finish(job, tmp_path / "out") == read_manifest(whole)


def test_what_another_machine_left_behind_is_no_rows(source: Path, whole: Path, tmp_path: Path) -> None:
    job = begin(str(source), tmp_path / "out", SETTINGS, num_shards=NUM_SHARDS)
    for number in range(NUM_SHARDS):
        write_shard(job, number)
    whole_one = job.path(1).read_bytes()
    for name, data in (("torn", whole_one[:60]), ("twice", whole_one)):
        job.path(1).with_name(f"{job.path(1).name}.partial-elsewhere-{name}").write_bytes(data)
    assert finish(job, tmp_path / "out") == read_manifest(whole)


def test_a_row_with_the_id_of_an_overlay_is_refused(tmp_path: Path) -> None:
    first, *others = talks()[5:8]
    clash = [first, *others[:1], replace(others[1], id=f"{first.id}{shard.SEPARATE}")]
    for rows, says in ((clash, rf"row {first.id}\+pgt: has the id of the overlay"), (clash[1:], None)):
        source = write_conversations(tmp_path / f"rows-{len(rows)}", rows)
        with pytest.raises(InputError, match=says) if says else nullcontext():
            begin(str(source), tmp_path / f"out-{len(rows)}", replace(SETTINGS, separate=True))


def test_the_sight_of_models_travels(source: Path, tmp_path: Path) -> None:
    job = begin(str(source), tmp_path / "out", SETTINGS, seen=default_sight())
    assert pickle.loads(pickle.dumps(job)) == job


def test_the_number_of_shards_goes_by_the_rows(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert begin(str(source), tmp_path / "one", SETTINGS).num_shards == 1
    monkeypatch.setattr(build, "ROWS_PER_SHARD", 7)
    assert begin(str(source), tmp_path / "three", SETTINGS).num_shards == 3
    assert begin(str(source), tmp_path / "most", SETTINGS, num_shards=99).num_shards == 20
    with pytest.raises(InputError, match="--shards 0: at least one"):
        begin(str(source), tmp_path / "none", SETTINGS, num_shards=0)


def test_a_mended_photograph_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number, talk in enumerate(talks()[5:9]):
        (folder / f"{number}.jpg").write_bytes(talk.images[0])
    whole = (folder / "3.jpg").read_bytes()
    (folder / "3.jpg").write_bytes(whole[:600])
    words = ("overlay", str(folder), "--out", str(tmp_path / "out"), "--proportion", "1", "--shards", "2")
    status, error = call(monkeypatch, capsys, *words)
    assert status == 2 and "row 3.jpg: its image cannot be read" in error
    (folder / "3.jpg").write_bytes(whole)
    assert call(monkeypatch, capsys, *words)[0] == 0
    assert len(open_dataset(tmp_path / "out")) > 2


@pytest.mark.slow
def test_memory_is_flat_in_the_number_of_rows(tmp_path: Path) -> None:
    """Four times the rows, in shards of as many, need no more memory but for the pages of the file that is mapped."""
    peaks, some = [], talks()[5:25]
    for times in (20, 80):
        many = [replace(talk, id=f"{talk.id}-{time}") for time in range(times) for talk in some]
        source = write_conversations(tmp_path / f"{times}", many)
        code = (
            "import resource\nfrom pathlib import Path\nfrom pgt_lora.data import directory\n"
            "from pgt_lora.data.overlay.build import overlay_data\n"
            "from pgt_lora.data.overlay.plan import OverlaySettings\ndirectory.IN_MEMORY_BYTES = 0\n"
            f"source = {str(source)!r}\n"
            f"overlay_data(source, Path(source + '-out'), OverlaySettings(0.01), num_shards={times})\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] < 1.15 * peaks[0], peaks

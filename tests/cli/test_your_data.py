"""The examples of docs/your-data.md, letter by letter, on 20 rows each; and what --data takes."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import config

from pgt_lora.cli.app import main
from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset
from tests.support import own_data, shared_images
from tests.support.command import call
from tests.support.hub_calls import within_reach
from tests.support.hub_server import Hub, Repo

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "your-data.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(line)[1:] for line in re.findall(r"^\.venv/bin/pgt-lora .+$", PAGE, re.MULTILINE)]
MADE = {"llava": 18, "llava-test": 2, "chat": 20, "table": 20, "pictures": 16, "pictures-test": 4, "hub": 20}
MADE |= {"clone": 20, "llava-1k": 6, "cambrian": 20}
QUICK = ["--max_steps", "2", "--save_steps", "100", "--canvas", "112"]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the files that the page names."""
    monkeypatch.chdir(tmp_path)
    own_data.llava(tmp_path / "photographs")
    (tmp_path / "photographs" / "mix.json").rename(tmp_path / "mix.json")
    own_data.messages(tmp_path)
    own_data.questions_csv(tmp_path)
    own_data.image_folder(tmp_path)
    own_data.trl(tmp_path)
    table = pq.read_table(tmp_path / "trl.parquet")
    (tmp_path / "clone" / "data").mkdir(parents=True)
    for shard in range(2):
        path = tmp_path / "clone" / "data" / f"train-{shard:05d}-of-00002.parquet"
        pq.write_table(table.slice(10 * shard, 10), path)
    own_data.images(tmp_path, list(shared_images.NAMES.values()))
    (tmp_path / "llava_v1_5_mix665k.json").write_text(json.dumps(shared_images.rows()))
    own_data.cambrian(tmp_path / "Cambrian-10M").rename(tmp_path / "Cambrian737k.jsonl")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["pgt-lora", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, words


def test_the_examples_of_the_page(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imports = [words for words in COMMANDS if words[0] in ("import", "preview")]
    assert sum(words[0] == "import" for words in imports) == 8
    hub = Hub()
    files = {"data/train-00000-of-00001.parquet": (written / "trl.parquet").read_bytes()}
    hub.repos["me/data"] = Repo(private=False, branches={"main": files})
    try:
        with within_reach(hub, written) as patch:
            patch.setattr(config, "HF_ENDPOINT", hub.address)
            patch.setattr(config, "HF_DATASETS_CACHE", written / "cache")
            patch.setattr(config, "HF_HUB_OFFLINE", False)
            for words in imports:
                run(monkeypatch, *words)
    finally:
        hub.shutdown()
        hub.server_close()
    assert {path.name: len(open_dataset(path)) for path in (written / "data").iterdir() if path.is_dir()} == MADE


@pytest.mark.slow
def test_the_example_that_trains(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check, finetune = [words for words in COMMANDS if words[0] not in ("import", "preview")]
    run(monkeypatch, *check)
    run(monkeypatch, *finetune, *QUICK)
    assert (written / "runs" / "trl").is_dir()
    assert len(list((written / "data").glob("import-trl-*/manifest.json"))) == 1  # of both


def test_a_wrong_row_is_one_line(
    written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (written / "shots" / "3.png").unlink()
    for words in (("import", "chat.jsonl", "--out", "data/chat"), ("preview", "chat.jsonl")):
        status, error = call(monkeypatch, capsys, *words)
        assert status == 2
        assert [line for line in error.splitlines() if "chat.jsonl, line 4: its image 'shots/3.png'" in line]
    assert call(monkeypatch, capsys, "import", "chat.jsonl", "--out", "data/chat", "--on-error", "leave")[0] == 2
    assert call(monkeypatch, capsys, "import", "chat.jsonl", "--out", "data/chat", "--on-error", "skip")[0] == 0
    assert len(open_dataset(written / "data" / "chat")) == 19


@pytest.mark.slow
def test_what_the_kit_makes_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pgt_lora.models.names import resolve
    from pgt_lora.studies.compare.arms import specialized_mix
    from pgt_lora.studies.named_data import dataset

    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    recipe = resolve("tiny-qwen2.5-vl", ["--num_samples", "6", "--num_test_samples", "3"]).recipe
    assert [len(open_dataset(dataset("pgt", recipe, split))) for split in ("train", "test")] == [6, 3]
    assert dataset("specialized-mix", recipe) == specialized_mix(recipe, 6)
    with pytest.raises(InputError, match="specialized-mix: it has no held-out part"):
        dataset("specialized-mix", recipe, "test")
    with pytest.raises(InputError, match="pgt: not a dataset directory, a file"):
        dataset("pgt")


def test_what_would_change_nothing_is_refused(
    written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("check", "finetune", "run"):
        words = (command, "tiny-qwen2.5-vl", "--data", "chat.jsonl", "--out", "o")[: 4 if command == "check" else 6]
        status, error = call(monkeypatch, capsys, *words, "--num_samples", "9")
        assert status == 2 and "pgt-lora import chat.jsonl --limit N --out DIR" in error
        status, error = call(monkeypatch, capsys, *words, "--tasks", "relation=1,conting=1")
        assert status == 2 and "conting" in error
    assert not (written / "o").exists()


def test_its_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['pgt-lora', 'import', '--help']\n"
        "from pgt_lora.cli import app as cli\n"
        "try: cli.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'transformers', 'datasets', 'pyarrow', 'PIL', 'numpy'} & set(sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0

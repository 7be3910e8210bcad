"""The command line: help, and one clear line for bad input."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgt_lora.cli import app as cli
from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import MANIFEST, PARQUET, features
from pgt_lora.data.seal import seal
from pgt_lora.data.turns import Form
from pgt_lora.studies import by_name
from tests.support.command import call


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['pgt-lora', '--help']\n"
        "from pgt_lora.cli import app as cli\n"
        "try: cli.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "finetune" in done.stdout


def test_generate_and_preview(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "pgt"
    status, _ = call(monkeypatch, capsys, "generate", "--num-samples", "6", "--canvas", "112", "--out", out)
    assert status == 0
    assert call(monkeypatch, capsys, "preview", out)[0] == 0
    assert (tmp_path / "pgt.html").stat().st_size > 10_000


def test_a_path_that_is_longer_than_a_line_is_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data_dir: Path, tmp_path: Path
) -> None:
    page, adapter = tmp_path / f"{'long' * 30}.html", tmp_path / ("long" * 30)
    monkeypatch.setattr(by_name, "finetune", lambda *_, **options: adapter)
    for words, says in (
        (("preview", data_dir, "--num-images", "1", "--out", page), f"Open {page.as_uri()}\n"),
        (("finetune", "tiny-qwen2.5-vl", "--data", data_dir, "--out", tmp_path), f"The adapter is in {adapter}\n"),
    ):
        monkeypatch.setattr(sys, "argv", ["pgt-lora", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
        assert says in capsys.readouterr().out


def truncated_image(data_dir: Path, tmp_path: Path) -> Path:
    """Copy a dataset directory with the fourth row's image cut in half."""
    table = pq.read_table(data_dir / PARQUET).to_pylist()
    image = table[3]["images"][0]
    image["bytes"] = image["bytes"][: len(image["bytes"]) // 2]
    copy = tmp_path / "cut"
    (copy / PARQUET).parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(table, schema=features(Form.QUESTIONS).arrow_schema), copy / PARQUET)
    (copy / MANIFEST).write_bytes((data_dir / MANIFEST).read_bytes())
    seal(copy)
    return copy


def unfinished(data_dir: Path, tmp_path: Path) -> Path:
    """Copy a dataset directory without its manifest."""
    copy = tmp_path / "unfinished"
    (copy / PARQUET).parent.mkdir(parents=True)
    (copy / PARQUET).write_bytes((data_dir / PARQUET).read_bytes())
    return copy


TINY = ("tiny-qwen2.5-vl",)
BAD = {
    "unknown recipe key": (("finetune", *TINY, "--data", "{data}", "--out", "{new}", "--lora_rank", "8"), "lora_rank"),
    "wrong type": (("finetune", *TINY, "--data", "{data}", "--out", "{new}", "--lora_r", "many"), "lora_r"),
    "misspelt model": (("run", "tiny-qwen"), "did you mean tiny-qwen2.5-vl"),
    "model that is nothing": (("evaluate", "./nowhere", "--eval-data", "{data}", "--out", "{new}"), "./nowhere"),
    "unknown task": (("generate", "--tasks", "relations=1", "--out", "{new}"), "unknown task 'relations'"),
    "weight of nothing": (("generate", "--tasks", "relation=0", "--out", "{new}"), "positive"),
    "exhaustive and a number": (
        ("generate", "--tasks", "absolute_position", "--exhaustive", "--num-samples", "5", "--out", "{new}"),
        "leave out --num-samples",
    ),
    "exhaustive of what cannot be listed": (
        ("generate", "--tasks", "relation", "--exhaustive", "--out", "{new}"),
        "absolute_position",
    ),
    "distractors of nothing": (("generate", "--num-distractors", "3", "--out", "{new}"), "name it in --tasks"),
    "odd number of probes": (("diagnose", *TINY, "--num-samples", "5", "--out", "{new}"), "even number"),
    "one seed of a comparison": (("compare", *TINY, "--seed", "3", "--out", "{new}"), "give --seeds"),
    "a field for probes": (("diagnose", *TINY, "--num_samples", "50", "--out", "{new}"), "give --num-samples"),
    "a field for timing": (("bench", *TINY, "--num_samples=50"), "give --num-samples"),
    "a held-out set for nothing": (
        ("finetune", *TINY, "--data", "{data}", "--eval-data", "{data}", "--out", "{new}"),
        "--eval_strategy epoch",
    ),
    "zero samples": (("generate", "--num-samples", "0", "--out", "{new}"), "at least one"),
    "existing output": (("generate", "--num-samples", "3", "--out", "{data}"), "exists"),
    "bad canvas": (("generate", "--canvas", "big", "--out", "{new}"), "'big'"),
    "canvas too small": (("generate", "--canvas", "40", "--out", "{new}"), "give a larger one"),
    "too many circles": (
        ("generate", "--canvas", "112", "--max-count", "300", "--tasks", "counting", "--out", "{new}"),
        "--max-count",
    ),
    "no manifest": (("finetune", *TINY, "--data", "{unfinished}", "--out", "{new}"), "manifest.json"),
    "no directory": (("preview", "{new}"), "not a dataset directory"),
    "truncated image": (("finetune", *TINY, "--data", "{cut}", "--out", "{new}"), "row pgt-train-1-000003"),
    "merge of a base": (("merge", *TINY, "--out", "{new}"), "no LoRA adapter"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data_dir: Path, tmp_path: Path
) -> None:
    places = {"data": data_dir, "new": tmp_path / "new"}
    places |= {"cut": truncated_image(data_dir, tmp_path), "unfinished": unfinished(data_dir, tmp_path)}
    words, says = BAD[name]
    before = (data_dir / PARQUET).read_bytes()
    status, error = call(monkeypatch, capsys, *(word.format(**places) for word in words))
    assert status == 2
    message = [line for line in error.splitlines() if line.startswith("pgt-lora: ")]
    assert len(message) == 1
    assert says in message[0]
    assert not (tmp_path / "new").exists()
    assert (data_dir / PARQUET).read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", *TINY, "--eval-data", "x", "--out", "y", "--batch-size", "0"),
        ("evaluate", *TINY, "--eval-data", "x", "--out", "y", "--max-new-tokens", "-1"),
        ("bench", *TINY, "--repeats", "0"),
        ("bench", *TINY, "--num-samples", "0"),
    ],
)
def test_a_number_that_means_nothing_is_refused(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, error = call(monkeypatch, capsys, *words)
    assert status == 2
    assert words[-2] in error


def test_a_number_that_means_nothing_is_not_the_recipes(data_dir: Path, tmp_path: Path) -> None:
    for options in ({"batch_size": 0}, {"max_new_tokens": -1}):
        with pytest.raises(InputError, match="give a number from 1 on"):
            by_name.evaluate("tiny-qwen2.5-vl", data_dir, tmp_path / "out", **options)

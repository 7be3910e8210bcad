"""The dry run on local files: its steps are those of training."""

import json
import os
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from pgt_lora.core.batches import num_steps, step_shape
from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import load_recipe
from pgt_lora.data.generate import generate
from pgt_lora.models.lengths import too_long
from pgt_lora.models.names import resolve
from pgt_lora.training.dry_run import check as check_module
from pgt_lora.training.dry_run import report
from pgt_lora.training.dry_run.cards import named_card
from pgt_lora.training.dry_run.report import print_end
from pgt_lora.training.finetune import finetune
from tests.support.discovered import save_small, small_model
from tests.support.dry_runs import TINY, call, dry_run


def test_a_local_checkpoint_by_its_own_files(
    base_dir: Path, data_dir: Path, data_overrides: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    words = [TINY.stem, "--data", str(data_dir), *data_overrides]
    status, out, _ = call(monkeypatch, capsys, *words)
    assert status == 0
    assert "by its own files" in out
    assert "≤" not in out
    last = shlex.split(out.splitlines()[-1])
    assert last == ["make", "finetune", f"MODEL={TINY.stem}", f"DATA={data_dir}", f"ARGS={shlex.join(data_overrides)}"]


def test_the_data_keep_the_name_that_was_typed(
    overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """What was made of it is another dataset, which is used whole; the command is to be typed anywhere."""
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    words = [TINY.stem, "--data", "pgt", *overrides]
    _, out, _ = call(monkeypatch, capsys, *words)
    assert shlex.split(out.splitlines()[-1])[2:4] == [f"MODEL={TINY.stem}", "DATA=pgt"]
    monkeypatch.chdir(tmp_path)
    _, out, _ = call(monkeypatch, capsys, *words)
    assert shlex.split(out.splitlines()[-1]) == ["pgt-lora", "run", *words]
    _, out, _ = call(monkeypatch, capsys, *words, "--global_batch_size", "64")
    assert shlex.split(out.splitlines()[-1])[:4] == ["pgt-lora", "check", *words[:2]]


def test_the_steps_are_those_of_training(data_dir: Path, tmp_path: Path, overrides: list[str]) -> None:
    overrides = [*overrides, "--global_batch_size", "12", "--save_steps", "100"]  # 32 rows: two steps, eight rows left
    run = finetune(resolve(TINY.stem, overrides).recipe, data_dir, tmp_path / "run")
    steps = int(re.findall(r'"steps": (\d+)', (run / "run.json").read_text())[0])
    found = dry_run(TINY.stem, data_dir, overrides=overrides)
    assert num_steps(found.recipe, found.num_rows) == steps == 4
    assert step_shape(found.recipe, 1).accumulation == 3
    assert str(found.placement.num_trainable) in (run / "run.json").read_text()
    assert (
        f'"supervised_tokens": {sum(length.supervised for length in found.lengths)}' in (run / "run.json").read_text()
    )


def test_rows_that_are_too_long_are_named(
    data_dir: Path, data_overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    found = dry_run(TINY.stem, data_dir, overrides=data_overrides)
    totals = sorted(length.total for length in found.lengths)
    longest = [length.row_id for length in found.lengths if length.total == totals[-1]]
    words = [TINY.stem, "--data", str(data_dir), *data_overrides, "--max_length", str(totals[-1] - 1)]
    status, out, _ = call(monkeypatch, capsys, *words)
    assert status == 1
    assert all(f"{row_id} ({totals[-1]})" in out for row_id in longest)
    assert "or take smaller images (of PGT: --canvas)" in out
    assert out.count("pgt-train-1-") == len(longest)
    assert shlex.split(out.splitlines()[-1]) == ["pgt-lora", "check", *words]
    found, program = replace(found, problems=["too long"]), tmp_path / "pgt-lora"
    monkeypatch.setattr("sys.argv", [str(program)])  # which is not on the path
    print_end(found, TINY.stem, [], named_card("RTX 4090"))
    assert shlex.split(capsys.readouterr().out.splitlines()[-1]) == [
        str(program), "check", *words[:3], "--gpu", "4090"
    ]  # fmt: skip
    monkeypatch.chdir(tmp_path.parent.parent)  # where `make` finds no target
    program = Path(os.path.relpath(program))
    assert shlex.split(report.command(found, TINY.stem, [])) == [str(program), "run", *words[:3]]
    status, out, _ = call(monkeypatch, capsys, *words[:-1], str(totals[-1]))
    assert status == 0
    assert "every sample fits" in out
    with pytest.raises(InputError, match=f"rows over {totals[-1] - 1:,} tokens.*{longest[0]}"):
        finetune(resolve(TINY.stem, words[3:]).recipe, data_dir, data_dir.with_name("too-long"))


def test_positions_are_a_limit_too(tmp_path: Path, overrides: list[str]) -> None:
    from pgt_lora.data.scene import Canvas
    from pgt_lora.data.tasks.task import TaskSettings

    generate(tmp_path / "large", num_samples=12, seed=0, settings=TaskSettings(Canvas(448, 448)))
    found = dry_run(TINY.stem, tmp_path / "large", overrides=[*overrides, "--global_batch_size", "4"])
    assert found.limit == 2048
    assert all(length.image == 784 for length in found.lengths)
    config = found.base.config.get_text_config()
    config.max_position_embeddings = 800
    assert next(too_long(found.lengths, 800)).endswith("and 7 more")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--load_in_4bit", "true"], "load_in_4bit needs bitsandbytes: pip install"),
        (["--attn_implementation", "flash_attention_2"], "needs flash-attn: pip install flash-attn"),
        (["--per_device_train_batch_size", "3"], "global_batch_size 8 is not a multiple"),
        (["--global_batch_size", "64"], "is more than the 32 samples"),
    ],
)
def test_what_keeps_it_from_running_is_named(
    data_dir: Path, overrides: list[str], words: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_module, "find_spec", lambda name: None)
    found = dry_run(TINY.stem, data_dir, overrides=[*overrides, *words])
    assert any(says in problem for problem in found.problems)


def test_without_network_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for name in ("qwen2.5-vl-3b", "Qwen/Qwen2.5-VL-3B-Instruct"):
        status, _, err = call(monkeypatch, capsys, name)
        assert status == 2
        (line,) = [line for line in err.splitlines() if line.startswith("pgt-lora: ")]
        assert "the Hub cannot be reached" in line
        assert line.endswith("--offline` uses published dimensions")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--model_name_or_path", "some/model"], "some/model: no published dimensions; known: OpenGVLab"),
        (["--model_family", "internvl3"], "model_family internvl3, but Qwen/Qwen2.5-VL-3B-Instruct is qwen2_5_vl"),
        (["--model_family", "qwen"], "model_family: unknown 'qwen'"),
    ],
)
def test_a_base_that_cannot_be_used_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        dry_run("qwen2.5-vl-3b", offline=True, overrides=words)


def test_batches_that_do_not_divide_are_made_smaller_or_said_to_be_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    recipe = load_recipe(TINY, ["--per_device_train_batch_size", "64", "--global_batch_size", "64"])
    assert [step_shape(recipe, num).batch_size for num in (1, 2, 4, 8)] == [64, 32, 16, 8]
    assert num_steps(load_recipe(TINY, ["--max_steps", "7"]), 5000) == 7
    words = ["--global_batch_size", "12", "--per_device_train_batch_size", "12", "--num_samples", "40"]
    status, out, _ = call(monkeypatch, capsys, TINY.stem, *words)
    assert status == 0
    (line,) = [line for line in out.splitlines() if line.strip().startswith("8 ")]
    assert "cannot be divided equally" in line
    with pytest.raises(InputError, match="cannot be divided equally among 8 processes"):
        step_shape(load_recipe(TINY, words), 8)


def test_the_weights_decide_where_the_configuration_does_not_say_whether_the_head_is_tied(
    tmp_path: Path, overrides: list[str]
) -> None:
    counts = []
    for name in ("untied", "tied"):
        base = save_small(tmp_path / name, "internvl3")
        config = json.loads((base / "config.json").read_text())
        config.pop("tie_word_embeddings")
        config["text_config"].pop("tie_word_embeddings", None)
        (base / "config.json").write_text(json.dumps(config))
        if name == "tied":
            weights = {key: each for key, each in load_file(base / "model.safetensors").items() if "lm_head" not in key}
            save_file(weights, base / "model.safetensors", {"format": "pt"})
        words = [*overrides, "--model_name_or_path", str(base), "--model_family", "internvl3"]
        counts.append(dry_run(TINY.stem, overrides=words).placement.num_parameters)
    config = small_model("internvl3").config.get_text_config()
    assert counts[0] - counts[1] == config.vocab_size * config.hidden_size

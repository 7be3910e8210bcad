"""The dry run: its counts against the published ones, its steps against training, its last line a command."""

import re
import shlex
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.cli.app import app as cli
from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, load_recipe, parse_overrides, recipe_names
from pgt_lora.core.terminal import console
from pgt_lora.data.generate import generate
from pgt_lora.models.lengths import too_long
from pgt_lora.models.published import PUBLISHED
from pgt_lora.studies.before_after.run import recipe_for
from pgt_lora.training.dry_run import check as check_module
from pgt_lora.training.dry_run.check import Findings, check, pgt_rows, schedule
from pgt_lora.training.dry_run.memory import GIB, estimate
from pgt_lora.training.dry_run.report import advice
from pgt_lora.training.finetune import finetune
from tests.test_real_sizes import SIZES

REAL = [name for name in recipe_names() if not name.startswith("tiny-")]
TINY = RECIPES / "tiny-qwen2.5-vl.yaml"


@pytest.fixture(autouse=True)
def plain_terminal_and_rows_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "width", 80)
    monkeypatch.setattr(check_module, "pgt_rows", lambda recipe: rows_of(recipe.kit.canvas, recipe.kit.num_samples))


@cache
def rows_of(canvas: str, num_samples: int) -> list[dict[str, Any]]:
    return pgt_rows(load_recipe(TINY, ["--canvas", canvas, "--num_samples", str(num_samples)]))


@cache
def offline(name: str) -> Findings:
    """What the check finds on a recipe."""
    return check(name, None, offline=True, overrides=[])


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run `pgt-lora check` in this process; return its exit status and what it wrote."""
    monkeypatch.setattr(sys, "argv", ["pgt-lora", "check", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    written = capsys.readouterr()
    return int(ended.value.code or 0), written.out, written.err


# Every recipe, without the Hub


def test_there_are_recipes_for_all_published_checkpoints() -> None:
    bases = [load_recipe(RECIPES / f"{name}.yaml", ["--bf16", "false"]).base for name in REAL]
    assert sorted(bases) == sorted(PUBLISHED)


@pytest.mark.parametrize("name", REAL)
def test_a_recipe_offline(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = offline(name)
    monkeypatch.setattr(check_module, "check", lambda *_: found)
    status, out, _ = call(monkeypatch, capsys, name, "--offline")
    assert status == 0
    assert f"{SIZES[found.recipe.base][1]:,} of " in out
    assert found.placement.num_trainable == SIZES[found.recipe.base][1]
    assert len(found.lengths) == 300
    assert max(length.total for length in found.lengths) <= found.limit
    assert not found.problems
    assert [plan.steps for plan in found.schedules] == [156] * 4  # 78 whole steps in each of two epochs
    assert {plan.num_gpus * plan.batch_size * plan.accumulation for plan in found.schedules} == {64}
    assert all(len(line.rstrip()) <= 100 for line in out.splitlines())
    assert "…" not in out
    assert "at most" in out
    last = out.splitlines()[-1].strip()
    assert last.startswith(f"make finetune MODEL={name}")
    # The command fits one card of 80 GB.
    words = shlex.split(last)[3:]
    args = parse_overrides(shlex.split(words[0].removeprefix("ARGS="))) if words else {}
    setup = replace(found.setup, four_bit=args.get("load_in_4bit", False))
    assert estimate(found.model, found.batch, setup).fits(80)


@pytest.mark.parametrize("name", REAL)
def test_what_a_recipe_says_of_its_memory(name: str) -> None:
    """The comments say what the check says: cards, how many of them, what to add, GiB on each."""
    found = offline(name)
    text = (RECIPES / f"{name}.yaml").read_text(encoding="utf-8")
    said = re.findall(r"#   (?:(\d+) × )?(\d+) GB(?: card|, the weights shared \(FSDP\)): (.+) \(([\d.]+) GiB\)", text)
    assert {card for _, card, _, _ in said} == {"24", "80"} or name == "qwen2.5-vl-72b"
    for num, card, words, gib in said:
        args = {} if words == "as it stands" else parse_overrides(words.split())
        setup = replace(
            found.setup,
            num_shards=int(num or 1),
            four_bit=args.get("load_in_4bit", False),
            checkpointing=args.get("gradient_checkpointing", found.setup.checkpointing),
        )
        batch = replace(found.batch, size=args.get("per_device_train_batch_size", found.batch.size))
        memory = estimate(found.model, batch, setup)
        assert memory.total / GIB == pytest.approx(float(gib), abs=0.2), words
        assert memory.fits(int(card)), words
        assert 64 % batch.size == 0


def test_what_does_not_fit_is_told_with_a_remedy() -> None:
    assert advice(offline("qwen2.5-vl-3b"), 24) == ("fits as it is", [])
    sentence, words = advice(offline("qwen2.5-vl-72b"), 80)
    assert words == ["--load_in_4bit", "true"]
    assert sentence == "add --load_in_4bit true"
    sentence, words = advice(offline("qwen2.5-vl-72b"), 24)
    assert words is None
    assert "shared over 16" in sentence
    large = replace(offline("qwen2.5-vl-3b"), batch=replace(offline("qwen2.5-vl-3b").batch, size=64))
    assert advice(large, 24)[1] == ["--per_device_train_batch_size", "4"]


def test_a_published_hub_id_needs_no_hub_when_offline() -> None:
    found = check("Qwen/Qwen2.5-VL-3B-Instruct", None, offline=True, overrides=["--num_samples", "64"])
    assert found.recipe.kit.model_family == "qwen2_5_vl"
    assert found.placement.num_trainable == 2_506_752
    assert len(found.lengths) == 64


# Local files


def test_a_local_checkpoint_by_its_own_files(
    base_dir: Path, data_dir: Path, overrides: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    words = [TINY.stem, "--data", str(data_dir), *overrides]
    status, out, _ = call(monkeypatch, capsys, *words)
    assert status == 0
    assert "by its own files" in out
    assert "≤" not in out
    last = shlex.split(out.splitlines()[-1])
    assert last == ["make", "finetune", f"MODEL={TINY.stem}", f"DATA={data_dir}", f"ARGS={shlex.join(overrides)}"]


def test_the_steps_are_those_of_training(data_dir: Path, tmp_path: Path, overrides: list[str]) -> None:
    overrides = [*overrides, "--global_batch_size", "12", "--save_steps", "100"]  # 32 rows: two steps, eight rows left
    run = finetune(recipe_for(TINY.stem, overrides), data_dir, tmp_path / "run")
    steps = int(re.findall(r'"steps": (\d+)', (run / "run.json").read_text())[0])
    found = check(TINY.stem, data_dir, offline=False, overrides=overrides)
    assert found.schedules[0].steps == steps == 4
    assert found.schedules[0].accumulation == 3
    assert str(found.placement.num_trainable) in (run / "run.json").read_text()
    assert (
        f'"supervised_tokens": {sum(length.supervised for length in found.lengths)}' in (run / "run.json").read_text()
    )


def test_rows_that_are_too_long_are_named(
    data_dir: Path, overrides: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    found = check(TINY.stem, data_dir, offline=False, overrides=overrides)
    totals = sorted(length.total for length in found.lengths)
    longest = [length.row_id for length in found.lengths if length.total == totals[-1]]
    words = [TINY.stem, "--data", str(data_dir), *overrides, "--max_length", str(totals[-1] - 1)]
    status, out, _ = call(monkeypatch, capsys, *words)
    assert status == 1
    assert all(f"{row_id} ({totals[-1]})" in out for row_id in longest)
    assert out.count("pgt-train-1-") == len(longest)
    assert shlex.split(out.splitlines()[-1]) == ["pgt-lora", "check", *words]
    status, out, _ = call(monkeypatch, capsys, *words[:-1], str(totals[-1]))
    assert status == 0
    assert "every sample fits" in out
    with pytest.raises(InputError, match=f"rows over {totals[-1] - 1:,} tokens.*{longest[0]}"):
        finetune(recipe_for(TINY.stem, words[3:]), data_dir, data_dir.with_name("too-long"))


def test_positions_are_a_limit_too(tmp_path: Path, overrides: list[str]) -> None:
    from pgt_lora.data.scene import Canvas
    from pgt_lora.data.tasks.task import Settings

    generate(tmp_path / "large", num_samples=12, seed=0, settings=Settings(Canvas(448, 448)))
    found = check(TINY.stem, tmp_path / "large", offline=False, overrides=[*overrides, "--global_batch_size", "4"])
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
        (["--per_device_train_batch_size", "3"], "global_batch_size 8 is no multiple"),
        (["--global_batch_size", "64"], "is more than the 32 samples"),
    ],
)
def test_what_keeps_it_from_running_is_named(
    data_dir: Path, overrides: list[str], words: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_module, "find_spec", lambda name: None)
    found = check(TINY.stem, data_dir, offline=False, overrides=[*overrides, *words])
    assert any(says in problem for problem in found.problems)


def test_without_network_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for name in ("qwen2.5-vl-3b", "Qwen/Qwen2.5-VL-3B-Instruct"):
        status, _, err = call(monkeypatch, capsys, name)
        assert status == 2
        (line,) = [line for line in err.splitlines() if line.startswith("pgt-lora: ")]
        assert "the Hub cannot be reached" in line
        assert line.endswith("pass --offline")


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
        check("qwen2.5-vl-3b", None, offline=True, overrides=words)


def test_batches_that_do_not_divide_are_made_smaller() -> None:
    recipe = load_recipe(TINY, ["--per_device_train_batch_size", "64", "--global_batch_size", "64"])
    assert [schedule(recipe, 5000, num).batch_size for num in (1, 2, 4, 8)] == [64, 32, 16, 8]
    recipe = load_recipe(TINY, ["--max_steps", "7"])
    assert schedule(recipe, 5000, 1).steps == 7

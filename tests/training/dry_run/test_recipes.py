"""The dry run of every shipped recipe, without the Hub: its counts are the published ones, its last line a command."""

import re
import shlex
from dataclasses import replace

import pytest

from pgt_lora.core.batches import num_steps, step_shape
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.core.recipe_values import parse_overrides
from pgt_lora.models.published import PUBLISHED
from pgt_lora.training.dry_run import check as check_module
from pgt_lora.training.dry_run.cards import named_card
from pgt_lora.training.dry_run.memory import GIB, estimate
from pgt_lora.training.dry_run.report import GPU_COUNTS, advice, command
from tests.support.dry_runs import REAL, call, dry_run, offline
from tests.support.published_sizes import SIZES


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
    assert num_steps(found.recipe, found.num_rows) == 156  # 78 whole steps in each of two epochs
    assert {step_shape(found.recipe, num).num_samples for num in GPU_COUNTS} == {64}
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
    assert advice(offline("qwen2.5-vl-3b"), 24, "4090") == ("fits as it is", [])
    faster = "fits as it is; faster: --per_device_train_batch_size 16"
    assert advice(offline("qwen2.5-vl-3b"), 80, "h100") == (faster, [])
    sentence, words = advice(offline("qwen2.5-vl-72b"), 80, "h100")
    assert words == ["--per_device_train_batch_size", "16", "--load_in_4bit", "true"]
    assert sentence == f"add {' '.join(words)}"
    sentence, words = advice(offline("qwen2.5-vl-72b"), 24, "4090")
    assert words is None
    assert "shared over 16" in sentence
    large = replace(offline("qwen2.5-vl-3b"), batch=replace(offline("qwen2.5-vl-3b").batch, size=64))
    assert advice(large, 24, "4090")[1] == ["--per_device_train_batch_size", "4"]


@pytest.mark.parametrize(
    ("recipe", "card", "asks"),
    [
        ("llava-next-llama3-8b", "l4", "--per_device_train_batch_size 2"),
        ("qwen2.5-vl-32b", "4090", "LAUNCH=fsdp2"),
        ("qwen2.5-vl-72b", "h100", "--load_in_4bit true"),
    ],
)
def test_the_last_command_fits_the_card_that_was_named(recipe: str, card: str, asks: str) -> None:
    found = offline(recipe)
    assert asks in command(found, recipe, [], named_card(card))
    assert asks not in command(found, recipe, [], named_card("b200"))


def test_a_published_hub_id_needs_no_hub_when_offline() -> None:
    found = dry_run("Qwen/Qwen2.5-VL-3B-Instruct", offline=True, overrides=["--num_samples", "64"])
    assert found.recipe.kit.model_family == "qwen2_5_vl"
    assert found.placement.num_trainable == 2_506_752
    assert len(found.lengths) == 64

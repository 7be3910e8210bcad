"""A recipe that would train nothing, train otherwise than it says, or do what a verified run cannot, is refused."""

import json
import shlex
from pathlib import Path

import pytest
import yaml

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json
from pgt_lora.core.machine import emulates_bf16
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.core.recipe_values import parse_overrides
from pgt_lora.models.names import STARTED, resolve

TINY = RECIPES / "tiny-qwen2.5-vl.yaml"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--num_train_epochs -1", "num_train_epochs is -1; give more than 0"),
        ("--num_train_epochs 0", "num_train_epochs is 0"),
        ("--num_train_epochs nan", "num_train_epochs"),
        ("--lora_alpha 0", "lora_alpha is 0; give more than 0"),
        ("--lora_r 0", "lora_r is 0; give 1 or more"),
        ("--lora_dropout 1.0", "lora_dropout is 1; give 0 or more, below 1"),
        ("--learning_rate 0", "learning_rate is 0"),
        ("--learning_rate 1e30", "learning_rate is 1e+30"),
        ("--learning_rate -1e-4", "learning_rate is -0.0001"),
        ("--learning_rate true", "learning_rate is true; give a number"),
        ("--weight_decay -1", "weight_decay is -1; give 0 or more"),
        ("--per_device_eval_batch_size 0", "per_device_eval_batch_size is 0"),
        ("--per_device_train_batch_size 0", "per_device_train_batch_size"),
        ("--global_batch_size 0", "global_batch_size is 0"),
        ("--num_samples 0", "num_samples is 0"),
        ("--num_samples -5", "num_samples is -5"),
        ("--max_new_tokens 0", "max_new_tokens is 0"),
        ("--max_length 0", "max_length is 0"),
        ("--feature_cache_gb -1", "feature_cache_gb is -1"),
        ("--label_smoothing_factor 0.1", "label_smoothing_factor must be 0.0"),
        ("--early_stopping_patience 2", "needs eval_strategy"),
        ("--completion_only_loss false", "completion_only_loss must be true"),
        ("--truncation_mode keep_end", "truncation_mode must be"),
        ("--loss_type dft", "loss_type must be"),
        ("--save_only_model true", "save_only_model must be false or left out: an interrupted run resumes"),
        ("--auto_find_batch_size true", "auto_find_batch_size must be false"),
        ("--push_to_hub true", "push_to_hub cannot be set: `pgt-lora push` sends a model once it is verified"),
        ("--hub_token hf_secret", "hub_token cannot be set"),
        ("--hub_model_id me/model", "hub_model_id cannot be set"),
        ("--hub_private_repo true", "hub_private_repo cannot be set"),
        ("--fsdp full_shard", "fsdp cannot be set: a launch file says so"),
        ("--deepspeed x.json", "deepspeed cannot be set"),
        ("--report_to nothing_of_the_kind", "nothing_of_the_kind"),
        ("--ddp_find_unused_parameters true", "ddp_find_unused_parameters must be false or left out"),
        ("--ignore_data_skip true", "ignore_data_skip must be false or left out"),
        ('--gradient_checkpointing_kwargs {"use_reentrant":true}', "use_reentrant must be false or left out"),
        ('--activation_checkpointing_kwargs {"use_reentrant":true}', "use_reentrant must be false or left out"),
        (
            "--eval_strategy steps --eval_steps 7 --early_stopping_patience 2 --save_strategy epoch",
            "save_strategy must be steps or left out",
        ),
        ("--train_sampling_strategy group_by_length", "give random or sequential; the samples of a step are put"),
        ("--train_sampling_strategy batch_rebalance", "train_sampling_strategy batch_rebalance: give random or"),
        ("--eval_strategy epoch --save_strategy best", "save_strategy best: give steps, epoch or no; early_stopping"),
        (
            "--bf16 true --fp16 true",
            "At most one of fp16 and bf16 can be True, but not both; set one to false, such as",
        ),
        (
            "--streaming true --max_steps 3 --per_device_train_batch_size auto",
            "per_device_train_batch_size auto reads every row first, which streaming is to spare; give a number",
        ),
        ("--trust_remote_code true", "trust_remote_code must be false"),
        ("--model_init_kwargs {trust_remote_code:\u00a0true}", "trust_remote_code"),
        ('--model_init_kwargs {"config":{"trust_remote_code":true}}', "trust_remote_code cannot be set"),
    ],
)
def test_a_value_is_refused_with_its_reason(words: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        load_recipe(TINY, words.split(" "))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "hf_secret" not in str(refused.value)


def test_what_is_allowed_stays_allowed() -> None:
    words = "--completion_only_loss true --push_to_hub false --num_train_epochs 0.5 --lora_dropout 0.1 --max_steps 3"
    recipe = load_recipe(TINY, words.split())
    assert recipe.sft.num_train_epochs == 0.5
    assert load_recipe(TINY, ["--num_train_epochs", "0", "--max_steps", "3"]).sft.max_steps == 3


def test_a_plain_no_is_a_strategy(tmp_path: Path) -> None:
    path = tmp_path / "no.yaml"
    path.write_text(TINY.read_text(encoding="utf-8") + "eval_strategy: no\nlogging_strategy: no\n", encoding="utf-8")
    recipe = load_recipe(path, ["--save_strategy", "no"])
    assert (recipe.sft.eval_strategy, recipe.sft.logging_strategy, recipe.sft.save_strategy) == ("no", "no", "no")
    again = tmp_path / "again.yaml"
    again.write_text(recipe.dump(), encoding="utf-8")
    assert load_recipe(again).values == recipe.values


def test_a_field_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(TINY.read_text(encoding="utf-8") + "lora_r: 16\n", encoding="utf-8")
    with pytest.raises(InputError, match="'lora_r' is given twice"):
        load_recipe(path)


def test_a_gpu_older_than_bf16_is_told_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert emulates_bf16()
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: True)
    assert not emulates_bf16()
    monkeypatch.undo()
    monkeypatch.setattr("pgt_lora.core.recipe.emulates_bf16", lambda: True)
    assert load_recipe(TINY).sft.use_cpu  # which asks for none
    monkeypatch.setattr("transformers.training_args.is_torch_bf16_gpu_available", lambda: True)
    with pytest.raises(InputError, match="use fp16: --bf16 false --fp16 true --dtype float16"):
        load_recipe(TINY, ["--use_cpu", "false", "--bf16", "true"])


def test_exponents_are_numbers_wherever_they_stand() -> None:
    kind = ["--lr_scheduler_type", "cosine_with_min_lr"]
    recipe = load_recipe(TINY, [*kind, "--lr_scheduler_kwargs", "{min_lr: 1e-5, num_cycles: 2E+3}"])
    assert recipe.values["lr_scheduler_kwargs"] == {"min_lr": 1e-5, "num_cycles": 2000.0}
    with pytest.raises(InputError, match=r"with --lr_scheduler_type: lr_scheduler_type cosine_with_min_lr: .*min_lr"):
        load_recipe(TINY, kind)
    assert parse_overrides(["--a", "1e-5", "--b", "e5", "--c", "1e"]) == {"a": 1e-5, "b": "e5", "c": "1e"}


def test_what_looks_like_a_date_is_text(tmp_path: Path) -> None:
    recipe = load_recipe(TINY, ["--model_revision", "2024-06-20", "--run_name", "2026-01-31 10:00:00"])
    assert json.loads(json.dumps(recipe.values)) == recipe.values
    assert (recipe.model.model_revision, recipe.sft.run_name) == ("2024-06-20", "2026-01-31 10:00:00")
    again = tmp_path / "again.yaml"
    again.write_text(recipe.dump(), encoding="utf-8")
    assert load_recipe(again).values == recipe.values


@pytest.mark.parametrize(
    "text", ["{a: [", "a: !!python/object:os.system x", "\x00", "- 1", "? [a]\n: b", "&a [*a]" * 3]
)
def test_what_is_no_recipe_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_recipe(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="cannot be read as YAML"):
        parse_overrides(["--lora_r", "{a: ["])


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "utf16.yaml"
    path.write_bytes("lora_r: 8\n".encode("utf-16"))
    with pytest.raises(InputError, match="cannot be read as YAML"):
        load_recipe(path)


def test_without_a_gpu_a_recipe_for_one_says_what_to_do() -> None:
    with pytest.raises(InputError) as refused:
        load_recipe(RECIPES / "qwen2.5-vl-3b.yaml")
    for part in ("no GPU that computes in bf16", "pgt-lora check qwen2.5-vl-3b", "make finetune", "--use_cpu true"):
        assert part in str(refused.value)
    assert load_recipe(RECIPES / "qwen2.5-vl-3b.yaml", ["--use_cpu", "true", "--bf16", "false", "--dtype", "float32"])


def test_the_command_that_says_what_a_recipe_needs_names_it_as_it_can_be_typed(tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "qwen2.5-vl-3b.yaml", ["--use_cpu", "true"])
    values = {**recipe.values, "use_cpu": False}
    run, mine = tmp_path / "a run", tmp_path / "mine.yaml"
    run.mkdir()
    write_json(run / STARTED, {"recipe": values})
    mine.write_text(yaml.safe_dump(values), encoding="utf-8")
    for name in (str(run), str(mine), recipe.base, "qwen2.5-vl-3b"):
        with pytest.raises(InputError) as refused:
            resolve(name, ["--lora_r", "4"])
        told = str(refused.value).partition("What the recipe needs: ")[2].partition(". The small")[0]
        assert shlex.split(told) == ["pgt-lora", "check", name]

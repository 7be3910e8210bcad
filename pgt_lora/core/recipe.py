"""Recipes: flat YAML in the vocabulary of TRL's `SFTConfig` and `ModelConfig`, and a few fields of ours."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import yaml

from pgt_lora.core.errors import InputError
from pgt_lora.core.machine import emulates_bf16
from pgt_lora.core.recipe_rules import (
    AUTO,
    as_strategies,
    attention_of,
    check_evaluation,
    check_named,
    check_ranges,
    check_reports,
    check_schedule,
    check_streaming,
)
from pgt_lora.core.recipe_values import parse_overrides, read_values
from pgt_lora.core.typed import typed
from pgt_lora.core.workspace import RECIPES, shipped_path

if TYPE_CHECKING:
    from trl import ModelConfig, SFTConfig


NO_GPU = (
    "no GPU that computes in bf16 is seen here. What the recipe needs: {check}. The small model that "
    "needs no GPU: make finetune. This one on the processor, slowly: --use_cpu true --bf16 false --dtype float32"
)
OLD_GPU = "this GPU emulates bf16, which takes hours for minutes; use fp16: --bf16 false --fp16 true --dtype float16"
BEHIND = " with --"  # between a recipe's file and the fields that were typed, in messages


@dataclass
class KitConfig:
    """The fields of a recipe that TRL does not have."""

    model_family: str = field(metadata={"help": "the family, of those in pgt_lora/models/families"})
    global_batch_size: int = field(default=64, metadata={"help": "samples per optimizer step, over all processes"})
    canvas: str = field(default="448", metadata={"help": "canvas of the PGT images: a side or WIDTHxHEIGHT in pixels"})
    tasks: str = field(
        default="families",
        metadata={"help": "how often each task is drawn: families, units or tasks alike, or relation=1,counting=2"},
    )
    style: Literal["plain", "varied"] = field(
        default="plain", metadata={"help": "plain: the paper's gray; varied: canvas, ground, colors and clutter differ"}
    )
    max_count: int = field(default=9, metadata={"help": "largest number that the counting task asks for"})
    num_samples: int = field(default=5000, metadata={"help": "training samples"})
    num_test_samples: int = field(default=1000, metadata={"help": "held-out samples"})
    skills: bool = field(default=False, metadata={"help": "also score the skills of the small models' pre-training"})
    replay: float = field(
        default=0.0,
        metadata={"help": "share of the PGT samples that lessons of the small models' pre-training replace"},
    )
    early_stopping_patience: int = field(
        default=0,
        metadata={"help": "stop after so many evaluations without a lower held-out loss, and keep the best; 0: never"},
    )
    streaming: bool = field(
        default=False,
        metadata={"help": "read rows from the data's files as they are needed, in their order; needs max_steps"},
    )
    max_new_tokens: int = field(default=16, metadata={"help": "longest answer in evaluation"})
    score_supervised_only: bool = field(
        default=True, metadata={"help": "compute hidden states and scores only where the loss needs them"}
    )
    feature_cache_gb: float = field(default=20.0, metadata={"help": "disk that image features may take; 0: no cache"})
    compile_layers: bool = field(
        default=False, metadata={"help": "compile the language model's layers; a minute at the start, for long runs"}
    )
    cast_lora_inputs: bool = field(
        default=True, metadata={"help": "cast LoRA's inputs to fp32, as PEFT does; in mixed precision they need not be"}
    )


@dataclass(frozen=True)
class Recipe:
    """A recipe that was read and checked: what the file and the overrides say, and the configurations they make."""

    name: str
    values: Mapping[str, Any]
    sft: "SFTConfig"
    model: "ModelConfig"
    kit: KitConfig

    @property
    def base(self) -> str:
        """The base checkpoint: a directory or a Hub id."""
        path = shipped_path(self.model.model_name_or_path or "")
        return str(Path(path).absolute()) if path and Path(path).is_dir() else path

    @property
    def batch_is_auto(self) -> bool:
        """Whether the samples at a time are yet to be chosen, by the memory of a GPU."""
        return bool(self.values.get("per_device_train_batch_size") == AUTO)

    @property
    def checkpointing(self) -> bool:
        """Whether activations are computed again in the backward pass; TRL's default is True, the kit's is not."""
        return any(self.values.get(f"{kind}_checkpointing") for kind in ("gradient", "activation"))

    @property
    def is_small(self) -> bool:
        """Whether it is that of a small model that ships with the project."""
        return self.name.startswith("tiny-")

    def changed(self, **values: Any) -> "Recipe":
        """Return the recipe with other values."""
        return build_recipe(self.name, self.name, {**self.values, **values})

    def dump(self) -> str:
        """Return the resolved recipe as YAML that `load_recipe` reads."""
        return yaml.safe_dump(dict(self.values), sort_keys=False, allow_unicode=True)


def find_recipe(name: str) -> Path | None:
    """Return the file of a recipe that is named by its path or by its name in `recipes/`, or None."""
    for path in (Path(name), RECIPES / f"{name}.yaml"):
        if path.suffix == ".yaml" and path.is_file():
            return path
    return None


def recipe_names() -> list[str]:
    """Return the names of the recipes that ship with the project."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply overrides given as command-line words (`--lora_r 16`, `--bf16=false`).

    Raises:
        InputError: a key is unknown, a value has the wrong type, or a field is the kit's own to set.
    """
    values = read_values(path) | parse_overrides(overrides)
    return build_recipe(path.stem, with_overrides(path, overrides), values)


def with_overrides(path: Path, overrides: Sequence[str]) -> str:
    """Return what messages call a recipe's file and the fields typed behind it; their values may be secret."""
    fields = parse_overrides(overrides)
    return f"{path}{BEHIND}{', --'.join(fields)}" if fields else str(path)


def as_typed(where: str) -> str:
    """Return what can be typed for a recipe that messages call so: a shipped one's name, a file, a run, a Hub id."""
    path = Path(where.partition(BEHIND)[0])
    if path.suffix == ".json":  # of a run
        return str(path.parent)
    return path.stem if path.parent == RECIPES else str(path)


def build_recipe(name: str, where: str, values: Mapping[str, Any]) -> Recipe:
    """Check the values of a recipe and build its configurations; `where` begins every message."""
    from transformers import HfArgumentParser
    from trl import ModelConfig, SFTConfig

    class Parser(HfArgumentParser):
        def error(self, message: str) -> NoReturn:
            message = re.sub(r"argument --(\w+)(/--[\w-]+)?", r"\1", message)
            raise InputError(f"{where}: {message}")

    values = as_strategies(values)
    check_named(where, values)
    known = {f.name for kind in (SFTConfig, ModelConfig, KitConfig) for f in fields(kind) if f.init}
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "see SFTConfig and ModelConfig of TRL"
            raise InputError(f"{where}: unknown key {key!r}; {hint}")
    parser = Parser((SFTConfig, ModelConfig, KitConfig), allow_abbrev=False)  # type: ignore[arg-type]
    parser.set_defaults(max_length=None)  # a limit, and TRL's is 1024: nothing is cut off here
    parser.set_defaults(**{key: None for key, value in values.items() if value is None})
    given = {key: value for key, value in values.items() if value is not None}
    if given.get("per_device_train_batch_size") == AUTO:
        del given["per_device_train_batch_size"]
    words = [word for key, value in given.items() for word in _words(key, value)]
    try:
        sft, model, kit = parser.parse_args_into_dataclasses(
            ["--remove_unused_columns", "false", *words], look_for_args_file=False
        )
    except InputError:
        raise
    except (ValueError, TypeError, ImportError) as error:  # from the configurations' own checks
        said = " ".join(str(error).split())
        if "bf16/gpu" in said:
            said = NO_GPU.format(check=typed("check", as_typed(where)))
        elif "one of fp16 and bf16" in said:
            said += "; set one to false, such as --bf16 false"
        raise InputError(f"{where}: {said}") from error
    if sft.bf16 and not sft.use_cpu and emulates_bf16():
        raise InputError(f"{where}: {OLD_GPU}")
    model.attn_implementation = attention_of(where, sft, model)
    check_ranges(where, (sft, model, kit))
    check_evaluation(where, sft.eval_strategy.value, sft.save_strategy.value, kit.early_stopping_patience)
    check_streaming(where, kit.streaming, sft.max_steps, values.get("per_device_train_batch_size"))
    check_reports(where, sft.report_to or ())
    check_schedule(where, sft)
    return Recipe(name, dict(values), sft, model, kit)


def _words(key: str, value: Any) -> list[str]:
    if isinstance(value, list):
        return [f"--{key}", *map(str, value)]
    if isinstance(value, dict):
        return [f"--{key}", json.dumps(value)]
    return [f"--{key}={value}"]

"""What the project discovers, each listed once; and the small processor and model of every family."""

import copy
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pgt_lora.core.plugins import discover

if TYPE_CHECKING:
    from pgt_lora.models.encoding import Encoder

FAMILIES = discover("pgt_lora.models.families", "FAMILY")
TASKS = discover("pgt_lora.data.tasks", "TASK")
SOURCES = discover("pgt_lora.data.sources", "SOURCE")


def tiny(family: str) -> Any:
    """The module that builds a family's small processor and model."""
    return import_module(f"pgt_lora.tiny.{family}")


def forms(family: str) -> tuple[str | None, ...]:
    """The chat formats of a family; None stands for the only one."""
    return tuple(getattr(tiny(family), "FORMS", (None,)))


# Every family in every chat format.
CASES = [(family, form) for family in FAMILIES for form in forms(family)]
CASE_NAMES = ["-".join(filter(None, case)) for case in CASES]

# Where a test takes a second for each, these stand for all in the fast tests; the slow ones take the others.
FAST = ("qwen2_5_vl", "internvl3", "llava_next")
EACH_FAMILY = [pytest.param(family, marks=() if family in FAST else pytest.mark.slow) for family in FAMILIES]
EACH_CASE = [
    pytest.param(family, form, id=name, marks=() if family in FAST and form == forms(family)[0] else pytest.mark.slow)
    for (family, form), name in zip(CASES, CASE_NAMES, strict=True)
]


class Subject(NamedTuple):
    """A family's model with what belongs to it."""

    name: str
    form: str | None
    directory: Path
    encoder: "Encoder"
    model: Any


@cache
def _processor(family: str, form: str | None) -> Any:
    return tiny(family).build_processor(form) if form else tiny(family).build_processor()


@cache
def _model(family: str, form: str | None, seed: int) -> Any:
    import torch

    torch.manual_seed(seed)
    return tiny(family).build_model(_processor(family, form))


def small_processor(family: str, form: str | None = None) -> Any:
    """A processor that may be changed; its tokenizer is trained only once."""
    return copy.deepcopy(_processor(family, form))


def small_model(family: str, form: str | None = None, seed: int = 0) -> Any:
    """A model with random weights, always the same, that may be changed; it is built only once."""
    return copy.deepcopy(_model(family, form, seed))


def save_small(directory: Path, family: str, form: str | None = None, dtype: Any = None, seed: int = 0) -> Path:
    """Write a family's small model and processor as a published checkpoint is; return the directory."""
    model = small_model(family, form, seed)
    (model if dtype is None else model.to(dtype)).save_pretrained(directory)
    small_processor(family, form).save_pretrained(directory)
    return directory


def saved_model(family: str, directory: Path) -> tuple[Any, "Encoder"]:
    """Write a family's small model, without its processor; return it with what encodes its rows."""
    from pgt_lora.models.checkpoint import family_of
    from pgt_lora.models.encoding import Encoder

    model = small_model(family).eval()
    model.save_pretrained(directory)
    return model, Encoder(family_of(str(directory)), small_processor(family))


def trained_once(family: str) -> Any:
    """Stand for a family's module where a processor is asked for: its tokenizer is trained only once."""
    return SimpleNamespace(build_processor=partial(small_processor, family))


@cache
def _published_processor(name: str) -> Any:
    from pgt_lora.models.published import PUBLISHED
    from pgt_lora.tiny import processors

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processors, "tiny_module", trained_once)
        return processors.build_processor(PUBLISHED[name])


def published_processor(name: str) -> Any:
    """The processor of a published checkpoint, which may be changed; it is built only once."""
    return copy.deepcopy(_published_processor(name))

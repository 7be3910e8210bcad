"""Models whose states hold an answer from a known place on, and rows to probe them with."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

from pgt_lora.data.probes import probe_samples
from pgt_lora.models.encoding import Encoder
from pgt_lora.studies.diagnose.figures import share
from pgt_lora.studies.diagnose.layers.layers import LayerProbes, probe_model
from pgt_lora.studies.diagnose.layers.problems import problems_of
from pgt_lora.studies.diagnose.layers.sites import Site
from tests.support.diagnoses import SETTINGS
from tests.support.discovered import FAMILIES, TASKS, small_model, small_processor

NAME = "planted"


@cache
def relation_rows() -> list[dict[str, Any]]:
    """Two boxes, one question: 56 images, of which the axis is across in some and down in the others."""
    pairs = (probe_samples(TASKS["relation"], index, SETTINGS) for index in range(28))
    return [sample.to_row() for pair in pairs for sample in pair if sample.template == "A"]


def subject(family: str = "qwen2_5_vl") -> tuple[Any, Encoder]:
    """A model with random weights, and what encodes rows for it."""
    return small_model(family).eval(), Encoder(FAMILIES[family], small_processor(family))


@contextmanager
def plant(model: Any, encoder: Encoder, at: str, of_image: bool = False) -> Iterator[None]:
    """Add the answer that belongs to the image to the states behind the tower or a layer, or to its image tokens."""
    answer_of = {key(encoder, row): row["answer"] for row in relation_rows()}
    generator = torch.Generator().manual_seed(0)
    signs = {answer: torch.randn(256, generator=generator) for answer in sorted(set(answer_of.values()))}
    now: dict[str, Any] = {}

    def look(module: Any, args: Any, kwargs: Mapping[str, Any]) -> None:
        images = kwargs["pixel_values"].chunk(len(kwargs["input_ids"]))
        now["answers"] = [answer_of[digest(each)] for each in images]
        now["image"] = kwargs["input_ids"] == encoder.image_id

    def added(states: torch.Tensor) -> torch.Tensor:
        sign = torch.stack([signs[answer][: states.shape[-1]] for answer in now["answers"]])
        if at == "tower":
            return states + 3 * sign.repeat_interleave(len(states) // len(sign), 0)
        return states + 3 * sign[:, None] * (now["image"][..., None] if of_image else 1)

    hooks = [model.register_forward_pre_hook(look, with_kwargs=True)]
    if at == "tower":
        merger = model.get_submodule(encoder.family.projector)
        # The projector's own hook comes first, so that what is read has the answer and what it gets has not.
        merger.register_forward_pre_hook(lambda module, args: (added(args[0]),), prepend=True)
    else:
        layer = model.get_submodule(encoder.family.text_model).layers[int(at)]
        hooks.append(layer.register_forward_hook(lambda module, args, output: added(output)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def key(encoder: Encoder, row: Mapping[str, Any]) -> str:
    return digest(encoder.prompts([row])["pixel_values"])


def digest(pixels: torch.Tensor) -> str:
    return hashlib.sha256(pixels.contiguous().numpy().tobytes()).hexdigest()


def probes_of(model: Any, encoder: Encoder, layers: str, sites: Sequence[Site], right: float = 0.0) -> LayerProbes:
    """The probes of a model whose own answers are right in a share of the rows."""
    asked = relation_rows()
    problems, left_out = problems_of(asked, by_cell=False)
    figures = probe_model(NAME, model, encoder, asked, asked, problems, layers, sites, 56)
    own = share((place < right * len(asked) for place in range(len(asked))), range(len(asked)))
    return LayerProbes("planted", (NAME,), tuple(figures), {(NAME, "relation", "A"): own}, tuple(left_out))

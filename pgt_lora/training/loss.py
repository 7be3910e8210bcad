"""Only what the loss needs: hidden states at supervised positions, and no mask where causality hides the padding."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn.functional import pad

from pgt_lora.models.encoding import IGNORE


def keep_supervised(model: Any) -> None:
    """Let a model's backbone, called with `supervised`, return the hidden states there alone, as one sequence.

    Whatever scores them then sees no other position, on any device; off Triton devices, TRL's head scores them all.
    Without `supervised` the backbone is as it was, so generation is unchanged.
    """
    backbone, last = model.base_model, model.get_decoder().layers[-1]
    forward = backbone.forward
    chosen: list[torch.Tensor | None] = [None]

    @functools.wraps(forward)
    def forward_supervised(*words: Any, supervised: torch.Tensor | None = None, **named: Any) -> Any:
        chosen[0] = supervised
        if supervised is None:
            return forward(*words, **named)
        # Training pads on the right, where no real token looks; without a mask, attention takes its faster, causal way.
        named["attention_mask"] = None
        output = forward(*words, **named)
        output.last_hidden_state = output.last_hidden_state[supervised].unsqueeze(0)
        return output

    backbone.forward = forward_supervised
    # Nothing looks at what these make elsewhere: after them, no position looks at another one.
    for part in (last.self_attn.o_proj, last.mlp):
        part.forward = _only_chosen(part.forward, chosen)


def _only_chosen(
    forward: Callable[[torch.Tensor], torch.Tensor], chosen: list[torch.Tensor | None]
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a forward, position by position, that is zero wherever it is not asked for."""

    @functools.wraps(forward)
    def forward_chosen(hidden_states: torch.Tensor) -> torch.Tensor:
        (where,) = chosen
        if where is None:
            return forward(hidden_states)
        found = forward(hidden_states[where])
        return found.new_zeros(*where.shape, found.shape[-1]).index_put((where,), found)

    return forward_chosen


def supervised_inputs(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch with `supervised`, (samples, tokens), true where the next token is, and those in `shift_labels`.

    `shift_labels`, (1, supervised tokens), are scored without a shift by TRL's head.
    """
    following = pad(batch["labels"][:, 1:], (0, 1), value=IGNORE)
    supervised = following != IGNORE
    rest = {name: values for name, values in batch.items() if name != "labels"}
    return rest | {"supervised": supervised, "shift_labels": following[supervised].unsqueeze(0)}

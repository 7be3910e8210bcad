"""Only what the loss needs: hidden states at supervised positions, and no mask where causality hides the padding."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from accelerate.utils import parse_flag_from_env
from torch.nn.functional import pad

from pgt_lora.models.encoding import IGNORE

# Largest difference of a hidden state, relative to the largest one: another kernel of attention adds in another order.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}


class SupervisedPositions:
    """Lets a model's backbone, called with `supervised`, return the hidden states there alone, as one sequence.

    Whatever scores them then sees no other position, on any device; off Triton devices, TRL's head scores them all.
    Without `supervised` the backbone is as it was, so generation is unchanged. Nothing is changed before `install`, and
    nothing is after `remove`.
    """

    def __init__(self, model: Any) -> None:
        self.is_quantized = getattr(model, "is_quantized", False)
        self.backbone, self.last_layer = model.base_model, model.get_decoder().layers[-1]
        self.chosen: torch.Tensor | None = None
        self.before: list[tuple[torch.nn.Module, Callable[..., Any] | None]] = []

    def install(self) -> None:
        """Put the forwards in the place of the model's."""
        self._replace(self.backbone, self._only_supervised(self.backbone.forward))
        # Nothing looks at what these make elsewhere: after them, no position looks at another one.
        for part in (self.last_layer.self_attn.o_proj, self.last_layer.mlp):
            self._replace(part, self._only_chosen(part.forward))

    def remove(self) -> None:
        """Put the model's own forwards back."""
        for module, forward in self.before:
            if forward is None:
                del module.forward  # the class's own
            else:
                module.forward = forward
        self.before = []

    def misfit(self) -> str | None:
        """Return why the model does not fit, tried on a few tokens without an image; None where it does.

        A model whose weights are not here yet (FSDP) is not tried, nor one in 4 bits: bitsandbytes repacks its weights
        for good in a forward without gradients on a CPU.
        """
        weights = next(self.backbone.parameters())
        if weights.is_meta or self.is_quantized or parse_flag_from_env("ACCELERATE_USE_FSDP"):
            return None
        ids = torch.arange(1, 17, device=weights.device).view(2, 8)
        supervised = torch.zeros_like(ids, dtype=torch.bool)
        supervised[0, 2], supervised[1, 5:] = True, True
        was_training = self.backbone.training
        self.backbone.eval()
        try:
            with torch.no_grad():
                whole = self.backbone(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
                part = self.backbone(input_ids=ids, supervised=supervised).last_hidden_state
        except Exception as error:  # whatever a model of another shape raises
            return " ".join(f"{type(error).__name__}: {error}".split())
        finally:
            self.backbone.train(was_training)
            self.chosen = None
        difference = float((part[0] - whole[supervised]).abs().max())
        if difference > TOLERANCE[whole.dtype] * float(whole.abs().max()):
            return f"its hidden states differ by {difference:.2g}"
        return None

    def _replace(self, module: torch.nn.Module, forward: Callable[..., Any]) -> None:
        self.before.append((module, vars(module).get("forward")))
        module.forward = forward

    def _only_supervised(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(forward)
        def forward_supervised(*args: Any, supervised: torch.Tensor | None = None, **kwargs: Any) -> Any:
            self.chosen = supervised
            if supervised is None:
                return forward(*args, **kwargs)
            # Training pads on the right, where no real token looks; without a mask, attention takes its faster, causal
            # way.
            kwargs["attention_mask"] = None
            output = forward(*args, **kwargs)
            output.last_hidden_state = output.last_hidden_state[supervised].unsqueeze(0)
            return output

        return forward_supervised

    def _only_chosen(self, forward: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return a forward, position by position, that is zero wherever it is not asked for."""

        @functools.wraps(forward)
        def forward_chosen(hidden_states: torch.Tensor) -> torch.Tensor:
            if self.chosen is None:
                return forward(hidden_states)
            chosen = forward(hidden_states[self.chosen])
            return chosen.new_zeros(*self.chosen.shape, chosen.shape[-1]).index_put((self.chosen,), chosen)

        return forward_chosen


def supervised_inputs(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch with `supervised`, (samples, tokens), true where the next token is, and those in `shift_labels`.

    `shift_labels`, (1, supervised tokens), are scored without a shift by TRL's head.
    """
    following = pad(batch["labels"][:, 1:], (0, 1), value=IGNORE)
    supervised = following != IGNORE
    rest = {name: values for name, values in batch.items() if name != "labels"}
    return rest | {"supervised": supervised, "shift_labels": following[supervised].unsqueeze(0)}

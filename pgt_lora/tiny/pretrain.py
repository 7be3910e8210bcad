"""Pre-training of the small models: from random weights to a checkpoint that sees, but was taught no PGT task.

It has two parts: all lessons but offsets, and then offsets among the others, for the language model alone.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import console, track
from pgt_lora.models.encoding import Encoder
from pgt_lora.tiny import pointing
from pgt_lora.tiny.batches import Batch, batches
from pgt_lora.tiny.conversation import Talk
from pgt_lora.tiny.forward import fuse_norms, hidden_states, normalized
from pgt_lora.tiny.grounding import SIDE, Heads
from pgt_lora.tiny.lessons import draw_turns
from pgt_lora.tiny.muon import Muon
from pgt_lora.tiny.offsets import offset_turns

TOLD_EVERY = 100


@dataclass(frozen=True)
class Schedule:
    """How long and how fast; `minutes` ends it earlier, the rate falling as it would have."""

    steps: int
    batch_size: int = 32
    minutes: float | None = None
    learning_rate: float = 4e-3
    warmup: float = 0.03
    decay: float = 0.35  # the last part of the steps, in which the rate falls to zero
    weight_decay: float = 0.05
    grounding: float = 1.0  # weight of the auxiliary losses, falling to zero over the steps
    pool: int = 4  # batches that are drawn at a time
    seed: int = 0
    is_second: bool = False  # the second part: offsets among the lessons, the eye frozen, no auxiliary heads


@dataclass(frozen=True)
class Place:
    """Where it runs, with how many processes that draw, and where it is saved every so many steps."""

    device: str = "cpu"
    workers: int = 0
    checkpoint: Path | None = None
    save_every: int = 500

    @property
    def file(self) -> Path | None:
        """The file that an interrupted run goes on from."""
        return self.checkpoint / "state.pt" if self.checkpoint else None


def losses(model: Any, batch: Batch, heads: Heads | None, talk: Talk) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the language-modeling loss and the auxiliary losses of one batch; without heads, of attention alone."""
    pixels = normalized(batch["pixels"], talk.encoder.processor.image_processor)
    first = talk.first_image_token
    layers = hidden_states(model, batch["ids"], pixels, first, talk.num_image_tokens)
    logits = model.lm_head(layers[-1].flatten(0, 1).index_select(0, batch["said"])).float()
    loss = cross_entropy(logits, batch["labels"])
    first_taught, then_taught = (
        model.model.language_model.layers[i].self_attn.attention for i in (pointing.LAYER, pointing.NEXT_LAYER)
    )
    pointed = pointing.pointing_losses(first_taught, then_taught, first, batch)
    auxiliary = torch.stack(pointed).sum()
    if heads:
        auxiliary = auxiliary + heads([layer[:, first : first + SIDE * SIDE] for layer in layers[:3]], batch)
    return loss, auxiliary


def optimizers(model: torch.nn.Module, heads: Heads, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices and AdamW for embeddings, norms, biases, patches and heads.

    Muon needs about a third fewer steps here than AdamW alone.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name and "lm_head" not in name]
    chosen = {id(p) for p in matrices}
    others = [p for _, p in named if id(p) not in chosen] + list(heads.parameters())
    return [
        Muon(matrices, lr=schedule.learning_rate, weight_decay=schedule.weight_decay),
        torch.optim.AdamW(others, lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]


def rate(done: float, schedule: Schedule) -> float:
    """Return the learning rate's factor where a part of the work is done: linear up, flat, linear down to zero."""
    return max(0.0, min(1.0, (done + 1 / schedule.steps) / schedule.warmup, (1 - done) / schedule.decay))


def pretrain(model: Any, encoder: Encoder, schedule: Schedule, place: Place | None = None) -> int:
    """Teach the lessons of one part to a model, under a progress bar; return the number of steps.

    Raises:
        InputError: the checkpoint is of another schedule.
        FloatingPointError: the loss or a weight is no longer a number.
    """
    place = place or Place()
    on_gpu = place.device != "cpu"
    if on_gpu:
        torch.set_float32_matmul_precision("high")
        fuse_norms(model)
    talk = Talk(encoder)
    heads = Heads(model.config.get_text_config().hidden_size)
    model.set_attn_implementation("pointing")
    for module in (model, heads):
        module.to(place.device).train()
    for name, p in model.named_parameters():
        p.requires_grad_(not schedule.is_second or ".language_model." in name or "lm_head" in name)
    stepping = optimizers(model, heads, schedule)
    step, spent = resume(place, schedule, model, heads, stepping)
    began = time.monotonic() - spent
    draw = offset_turns if schedule.is_second else draw_turns
    drawn = batches(encoder, schedule.batch_size, schedule.pool, schedule.seed, step, place.workers, draw)
    for batch in track(drawn, schedule.steps - step, "Pre-training"):
        spent = time.monotonic() - began
        done = max(step / schedule.steps, spent / 60 / schedule.minutes if schedule.minutes else 0.0)
        if done >= 1:
            break
        if on_gpu:  # only from page-locked memory does a copy wait for nothing
            batch = {name: values.pin_memory().to(place.device, non_blocking=True) for name, values in batch.items()}
        # On a CPU, products are faster in bfloat16; on a GPU, TF32 starts fewer kernels.
        with torch.autocast("cpu", torch.bfloat16, enabled=not on_gpu):
            loss, grounding = losses(model, batch, None if schedule.is_second else heads, talk)
        (loss + schedule.grounding * (1 - done) * grounding).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in stepping:
            for group in optimizer.param_groups:
                group["lr"] = schedule.learning_rate * rate(done, schedule)
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        if step % TOLD_EVERY == 1 or step == schedule.steps:
            console.print(f"step {step}, {spent:.0f} s: loss {loss.item():.3f}, auxiliary {grounding.item():.3f}")
            if not torch.isfinite(loss):
                raise FloatingPointError(f"step {step}: the loss is {loss.item()}")
        if step % place.save_every == 0:
            save(place, schedule, model, heads, stepping, step, spent)
        if step == schedule.steps:
            break
    save(place, schedule, model, heads, stepping, step, time.monotonic() - began)
    model.to("cpu")
    return step


def save(
    place: Place, schedule: Schedule, model: Any, heads: Heads, stepping: list[Any], step: int, spent: float
) -> None:
    """Write all that an interrupted run goes on from, where a place for it was named.

    Raises:
        FloatingPointError: a weight is no longer a number; what was written before stays.
    """
    if broken := [name for name, weight in model.named_parameters() if not weight.isfinite().all()]:
        raise FloatingPointError(f"step {step}: {len(broken)} tensors are not finite (first: {broken[0]})")
    if not (file := place.file):
        return
    state = {
        "schedule": asdict(schedule), "step": step, "spent": spent, "model": model.state_dict(),
        "heads": heads.state_dict(), "optimizers": [each.state_dict() for each in stepping],
    }  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, partial := file.with_suffix(".partial"))
    partial.replace(file)


def resume(place: Place, schedule: Schedule, model: Any, heads: Heads, stepping: list[Any]) -> tuple[int, float]:
    """Load what `save` wrote, if anything; return the steps done and the seconds spent.

    Raises:
        InputError: it is of another schedule.
    """
    if not (place.file and place.file.exists()):
        return 0, 0.0
    state = torch.load(place.file, map_location=place.device, weights_only=True)
    if state["schedule"] != asdict(schedule):
        raise InputError(f"{place.file} is of another schedule, {state['schedule']}; name another --checkpoint")
    model.load_state_dict(state["model"])
    heads.load_state_dict(state["heads"])
    for optimizer, saved in zip(stepping, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return int(state["step"]), float(state["spent"])

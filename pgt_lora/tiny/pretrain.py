"""Pre-training of the small models: from random weights to a checkpoint that sees, but was taught no PGT task."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import console, track
from pgt_lora.data.scene import Scene, render
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.models.families.template import end_token, messages
from pgt_lora.tiny import pointing
from pgt_lora.tiny.grounding import SIDE, Heads
from pgt_lora.tiny.lessons import draw_turns
from pgt_lora.tiny.objects import Turn

ANSWER = "answer"


@dataclass(frozen=True)
class Schedule:
    """How long and how fast. `pool` batches are drawn at a time and sorted by length, so that little is padding."""

    steps: int
    batch_size: int = 32
    learning_rate: float = 4e-3
    warmup: float = 0.03
    decay: float = 0.35  # the last part of the steps, in which the rate falls to zero
    weight_decay: float = 0.05
    grounding: float = 1.0  # weight of the auxiliary losses, falling to zero over the steps
    pool: int = 8
    seed: int = 0


def conversation(encoder: Encoder, turns: Sequence[Turn]) -> tuple[str, list[int], list[int]]:
    """Return the first question, and the ids and labels of all that follows it."""
    processor, end = encoder.processor, end_token(encoder.family, encoder.processor)
    first = [*messages("question"), {"role": "assistant", "content": ANSWER}]
    ids: list[int] = []
    labels: list[int] = []
    for number, (question, answer) in enumerate(turns):
        if number:  # all that the template renders from an answer's end to where the next one begins
            asked = [*first, {"role": "user", "content": question}]
            text = processor.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
            between = text.partition(ANSWER)[2].removeprefix(end)
            between_ids = processor.tokenizer(between, add_special_tokens=False).input_ids
            ids += between_ids
            labels += [IGNORE] * len(between_ids)
        lesson = {"id": "lesson", "images": [None], "prompt": [{"content": "question"}]}
        said = encoder.answer_ids(lesson | {"completion": [{"content": answer}]})
        ids += said
        labels += said
    return turns[0][0], ids, labels


def row(scene: Scene, question: str) -> dict[str, Any]:
    """Return a row as the encoder reads it; its image is raw, since nothing is stored."""
    return {"id": "lesson", "images": [render(scene)], "prompt": [{"role": "user", "content": question}]}


def batches(encoder: Encoder, schedule: Schedule) -> Iterator[tuple[dict[str, torch.Tensor], list[Scene]]]:
    """Yield encoded batches of lessons without end; batch i is the same in every run."""
    size, pool = schedule.batch_size, schedule.pool
    for number in range(10**9):
        rng = stream(schedule.seed, "tiny-order", number)
        drawn = []
        for index in range(number * pool * size, (number + 1) * pool * size):
            scene, turns = draw_turns(stream(schedule.seed, "tiny-train", index))
            drawn.append((scene, conversation(encoder, turns)))
        drawn.sort(key=lambda each: len(each[1][1]))
        for start in rng.sample(range(0, len(drawn), size), pool):
            part = drawn[start : start + size]
            prompts = encoder.prompts([row(scene, lesson[0]) for scene, lesson in part])
            yield (
                encoder.extend(prompts, [lesson[1] for _, lesson in part], [lesson[2] for _, lesson in part]),
                [scene for scene, _ in part],
            )


def losses(
    model: Any, batch: dict[str, torch.Tensor], heads: Heads, scenes: Sequence[Scene], names: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the language-modelling loss and the auxiliary losses of one batch."""
    labels = batch.pop("labels")
    batch.pop("attention_mask")  # right padding needs none under a causal mask, and attention is faster without
    found = model.model(**batch, output_hidden_states=True, use_cache=False)
    layers = found.hidden_states
    supervised = labels[:, 1:] != IGNORE
    logits = model.lm_head(layers[-1][:, :-1][supervised]).float()
    loss = torch.nn.functional.cross_entropy(logits, labels[:, 1:][supervised])
    image = batch["input_ids"] == model.config.image_token_id
    tokens = [layer[image].unflatten(0, (len(scenes), -1))[:, : SIDE * SIDE] for layer in layers]
    attention = model.model.language_model.layers[pointing.LAYER].self_attn.attention
    taught = pointing.pointing_losses(attention, batch["input_ids"], image, scenes, names)
    return loss, heads(tokens, scenes) + sum(taught)


def optimizers(model: torch.nn.Module, heads: Heads, schedule: Schedule) -> list[Any]:
    """Return Muon for the matrices and AdamW for embeddings, norms, biases, patches and heads.

    Muon needs about a third fewer steps here than AdamW alone.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name and "lm_head" not in name]
    chosen = {id(p) for p in matrices}
    others = [p for _, p in named if id(p) not in chosen] + list(heads.parameters())
    found = [
        torch.optim.Muon(
            matrices, lr=schedule.learning_rate, weight_decay=schedule.weight_decay, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]
    return [(each, torch.optim.lr_scheduler.LambdaLR(each, lambda step: rate(step, schedule))) for each in found]


def rate(step: int, schedule: Schedule) -> float:
    """Return the learning rate's factor: linear up, flat, linear down to zero."""
    done = step / schedule.steps
    return min(1.0, (done + 1 / schedule.steps) / schedule.warmup, (1 - done) / schedule.decay)


def pretrain(model: Any, encoder: Encoder, schedule: Schedule) -> None:
    """Teach the lessons to a model with random weights, under a progress bar."""
    hidden_size = model.config.get_text_config().hidden_size
    heads = Heads(hidden_size)
    names = pointing.token_names(encoder.processor.tokenizer)
    model.set_attn_implementation("pointing")
    stepping = optimizers(model, heads, schedule)
    model.train()
    lessons = zip(range(schedule.steps), batches(encoder, schedule), strict=False)
    for step, (batch, scenes) in track(lessons, schedule.steps, "Pre-training"):
        with torch.autocast("cpu", torch.bfloat16):
            loss, grounding = losses(model, batch, heads, scenes, names)
        (loss + schedule.grounding * (1 - step / schedule.steps) * grounding).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, scheduler in stepping:
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        if step % 100 == 0 or step == schedule.steps - 1:
            console.print(f"step {step}: loss {loss:.3f}, grounding {grounding:.3f}")

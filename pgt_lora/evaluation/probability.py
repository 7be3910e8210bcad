"""Given answers scored by their probability: which of a question's choices the model would most likely write."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import torch
from accelerate.utils import send_to_device
from transformers import BatchFeature

from pgt_lora.core.errors import InputError
from pgt_lora.models.encoding import Encoder

Ids = tuple[int, ...]


class By(StrEnum):
    """What decides an answer: what the model writes, or which of the given answers is the most likely."""

    GENERATION = "generation"
    PROBABILITY = "probability"


def choice_ids(encoder: Encoder, row: Mapping[str, Any]) -> list[Ids]:
    """Return the tokens of each of a row's choices as they follow its prompt in training.

    The end token counts only where one choice goes on where another one ends: "1" would else be no less likely than
    "15".

    Raises:
        InputError: two choices are the same tokens, or one merges with the prompt; the message names the row.
    """
    (given,) = encoder.continuations([(row, row["choices"])])
    ended = [tuple(text.answer) for text in given]
    bare = [ids[:-1] for ids in ended]
    if len(set(bare)) < len(bare) or () in bare:
        told = ", ".join(map(repr, row["choices"]))
        raise InputError(
            f"row {row['id']}: two of its choices have the same tokens, or one has none: {told}; reword one"
        )
    goes_on = any(one != other and other[: len(one)] == one for one in bare for other in bare)
    return ended if goes_on else bare


def log_probabilities(model: Any, encoder: Encoder, rows: Sequence[Any], batch_size: int) -> Iterator[list[float]]:
    """Yield the log-probability of each of a row's choices: the sum over its tokens, given the question.

    Choices of one token each are read off one forward of the question. Longer ones take the question once more for
    every beginning in which they differ. `batch_size` counts sequences.

    Raises:
        InputError: as `choice_ids`.
    """
    model.eval()
    for start in range(0, len(rows), batch_size):
        part = [rows[index] for index in range(start, min(start + batch_size, len(rows)))]
        given = [choice_ids(encoder, row) for row in part]
        wanted = [(index, *each) for index, ids in enumerate(given) for each in beginnings(ids)]
        found: dict[tuple[int, int], float] = {}
        for first in range(0, len(wanted), batch_size):
            some = wanted[first : first + batch_size]
            tables = _next_tokens(model, encoder, [part[index] for index, *_ in some], [tail for _, tail, _ in some])
            for (index, _, numbers), table in zip(some, tables, strict=True):
                for number in numbers:
                    ids = torch.tensor(given[index][number], device=table.device)
                    found[index, number] = float(table[: len(ids)].gather(1, ids[:, None]).sum())
        yield from ([found[index, number] for number in range(len(ids))] for index, ids in enumerate(given))


def beginnings(given: Sequence[Ids]) -> list[tuple[Ids, list[int]]]:
    """Return the fewest token sequences after which every choice's last token is seen, each with its choices' numbers.

    Choices of one token each need nothing but the question: one empty sequence.
    """
    heads = {ids[:-1] for ids in given}
    longest = sorted(head for head in heads if not any(one != head and one[: len(head)] == head for one in heads))
    covered: dict[Ids, list[int]] = {head: [] for head in longest}
    for number, ids in enumerate(given):
        covered[next(head for head in longest if head[: len(ids) - 1] == ids[:-1])].append(number)
    return list(covered.items())


def _next_tokens(model: Any, encoder: Encoder, rows: Sequence[Any], tails: Sequence[Ids]) -> Iterator[torch.Tensor]:
    """Yield, for each question with what follows it, the log-probabilities of the next token from its end on.

    Shape (1 + length of the tail, vocabulary), float32.
    """
    prompts = encoder.prompts(rows)
    lengths = prompts["attention_mask"].sum(dim=1).tolist()
    # On the right, where no real token looks: padding is then what it is in training.
    padded = encoder.extend(prompts, tails)
    places = [range(length - 1, length + len(tail)) for length, tail in zip(lengths, tails, strict=True)]
    kept = sorted({place for each in places for place in each})
    batch = send_to_device(BatchFeature(padded), model.device).to(model.dtype)  # casts pixels, not ids
    with torch.inference_mode():
        # A list: a tensor is moved to the first of several GPUs that hold a model, and the last states lie elsewhere.
        logits = model(**batch, logits_to_keep=kept, use_cache=False).logits
    column = {place: number for number, place in enumerate(kept)}
    for number, each in enumerate(places):
        yield logits[number, [column[place] for place in each]].float().log_softmax(dim=-1)

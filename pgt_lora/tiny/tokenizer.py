"""The vocabulary of the small models: byte-level BPE, learned from the words of lessons and PGT questions."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from random import Random
from typing import Any

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from pgt_lora.core.streams import stream
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.weights import parse_weights, tasks
from pgt_lora.models.transformers_internals import PRETOKENIZE_REGEX
from pgt_lora.tiny.lessons import draw_turns
from pgt_lora.tiny.things import NAMES

MAX_VOCABULARY = 960
NUM_SCENES = 1200  # whose lessons are in the corpus


@cache
def corpus() -> tuple[str, ...]:
    """Return questions and answers of the lessons, and PGT questions so that these words are single tokens too."""
    texts: list[str] = []
    for index in range(NUM_SCENES):
        rng: Random = stream(0, "tiny-tokenizer", index)
        texts += [text for turn in draw_turns(rng)[1] for text in turn]
        texts += [f"{name}, the {name}" for name in NAMES]
        for name in parse_weights("families"):
            question = tasks()[name].plan(rng, TaskSettings())
            texts += [question.text, question.answer]
    return tuple(texts)


def train_bpe(texts: Iterable[str], special_tokens: Sequence[str]) -> tuple[dict[str, int], list[Any]]:
    """Learn a byte-level BPE whose words are split as Qwen2's are; return its vocabulary and merges.

    The special tokens take the first ids, so that they are the same whatever the texts.
    """
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    trainer = trainers.BpeTrainer(
        vocab_size=MAX_VOCABULARY,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]

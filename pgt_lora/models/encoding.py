"""From rows to model inputs: the one path that training and evaluation share.

The prompt's ids are made once, by the processor, for both; training appends the answer and the end token to them. So
what the model saw up to the answer in training is what it sees in generation, whatever the template does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from pgt_lora.core.errors import InputError
from pgt_lora.data.images import Size, decode
from pgt_lora.models.families.family import Family
from pgt_lora.models.families.template import answer_prefix, end_token, messages
from pgt_lora.models.transformers_internals import num_image_tokens

if TYPE_CHECKING:
    from transformers import BatchFeature, ProcessorMixin

IGNORE = -100


@dataclass(frozen=True)
class Encoder:
    """Encodes rows of a dataset directory for one model; `texts` keeps the ids of what was said, for other epochs."""

    family: Family
    processor: "ProcessorMixin"
    texts: dict[tuple[str, str, int], tuple[list[int], list[int]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def end_id(self) -> int:
        """The id of the token that ends an answer."""
        return int(self.processor.tokenizer.convert_tokens_to_ids(end_token(self.family, self.processor)))

    def prompts(self, rows: Sequence[Mapping[str, Any]]) -> "BatchFeature":
        """Encode the prompts of rows, padded on the left, for generation.

        Raises:
            InputError: an image cannot be read, or the processor refuses its size; the message names the row.
        """
        texts = [self.prompt_text(row) for row in rows]
        images = [[decode(image, f"row {row['id']}") for image in row["images"]] for row in rows]
        try:
            return self.processor(
                text=texts,
                images=images,
                add_special_tokens=self.adds_special_tokens(texts[0]),
                padding=True,
                padding_side="left",
                return_tensors="pt",
            )
        except ValueError:
            for row, pictures in zip(rows, images, strict=True):
                for picture in pictures:
                    self.image_tokens(picture.size, f"row {row['id']}")
            raise

    def image_tokens(self, size: Size, name: str) -> int:
        """Return the tokens of an image alone, by the processor's rule.

        Raises:
            InputError: the processor refuses the size, such as Qwen's a side over 200 times the other.
        """
        try:
            return num_image_tokens(self.processor, size)
        except ValueError as error:
            told = f"{size[0]}x{size[1]} pixels is refused by the processor: {error}"
            raise InputError(f"{name}: its image of {told}; crop the image or leave it out") from error

    def training_batch(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Encode prompts and answers, padded on the right; `labels` are the answer and its end token alone."""
        answers = [self.answer_ids(row) for row in rows]
        return self.extend(self.prompts(rows), answers, answers)

    def extend(
        self, prompts: "BatchFeature", tails: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]
    ) -> dict[str, torch.Tensor]:
        """Append ids to encoded prompts and pad on the right; `labels` are those of the appended ids."""
        batch = dict(prompts)
        kept = batch["attention_mask"].bool()
        fill = {"input_ids": self.processor.tokenizer.pad_token_id or 0}
        after = {"input_ids": tails, "attention_mask": [[1] * len(tail) for tail in tails]}
        for name, values in prompts.items():
            if isinstance(values, torch.Tensor) and values.shape == kept.shape:  # the others are the images
                ends = after.get(name, [[0] * len(tail) for tail in tails])
                batch[name] = _pad([row[keep] for row, keep in zip(values, kept, strict=True)], ends, fill.get(name, 0))
        before = [torch.full((int(keep.sum()),), IGNORE) for keep in kept]
        batch["labels"] = _pad(before, labels, IGNORE)
        return batch

    def prompt_text(self, row: Mapping[str, Any]) -> str:
        """Return the prompt of a row as the chat template renders it, up to where the answer begins."""
        (turn,) = row["prompt"]
        turns = messages(turn["content"], len(row["images"]))
        return self.processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)

    def adds_special_tokens(self, prompt: str) -> bool:
        """Return whether the tokenizer adds its BOS: there is to be one, its own or the template's."""
        bos = self.processor.tokenizer.bos_token
        return bos is None or not prompt.startswith(bos)

    def check_text(self, row: Mapping[str, Any], *texts: str) -> None:
        """Check that what somebody wrote holds no control token: it would close or forge a turn, or stand for an image.

        Raises:
            InputError: it does; the message names the row.
        """
        for text in texts:
            if found := control_tokens(self.processor).search(text):
                raise InputError(f"row {row['id']}: its text holds {found[0]!r}, which steers this model; take it out")

    def answer_ids(self, row: Mapping[str, Any]) -> list[int]:
        """Return the ids of a row's answer, as they continue its prompt, and of the token that ends it.

        Raises:
            InputError: the answer changes the prompt's own tokens, so it could never be generated after them.
        """
        return self.text_ids(row)[1]

    def text_ids(self, row: Mapping[str, Any]) -> tuple[list[int], list[int]]:
        """Return the ids of a row's prompt, each image being one placeholder, and those of its answer.

        Raises:
            InputError: the answer changes the prompt's own tokens, so it could never be generated after them.
        """
        (asked,), (said,) = row["prompt"], row["completion"]
        key = asked["content"], said["content"], len(row["images"])
        if key not in self.texts:
            before, (answer,) = self.continuations(row, [said["content"]])
            self.texts[key] = before, answer
        return self.texts[key]

    def continuations(self, row: Mapping[str, Any], answers: Sequence[str]) -> tuple[list[int], list[list[int]]]:
        """Return the ids of a row's prompt, as `text_ids` does, and those of each of several answers to it.

        Raises:
            InputError: an answer changes the prompt's own tokens, so it could never be generated after them.
        """
        self.check_text(row, row["prompt"][0]["content"], *answers)
        prompt = self.prompt_text(row)
        start = prompt + answer_prefix(self.family, self.processor)
        texts = [prompt, *(start + answer for answer in answers)]
        before, *both = self.processor.tokenizer(texts, add_special_tokens=self.adds_special_tokens(prompt)).input_ids
        for answer, ids in zip(answers, both, strict=True):
            if ids[: len(before)] != before:
                raise InputError(f"row {row['id']}: its answer {answer!r} merges with the end of the prompt")
        return before, [[*ids[len(before) :], self.end_id] for ids in both]


@cache
def control_tokens(processor: "ProcessorMixin") -> re.Pattern[str]:
    """Return what finds the tokens in a text that steer a model instead of being read: roles, ends, placeholders."""
    tokens = {str(token) for token in processor.tokenizer.added_tokens_decoder.values() if token.special}
    tokens |= {str(value) for name, value in vars(processor).items() if name.endswith("_token") and value}
    return re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))) or r"(?!)")


def _pad(heads: Sequence[torch.Tensor], tails: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    joined = [torch.cat([head, torch.tensor(tail, dtype=head.dtype)]) for head, tail in zip(heads, tails, strict=True)]
    return torch.nn.utils.rnn.pad_sequence(joined, batch_first=True, padding_value=value)

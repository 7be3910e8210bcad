"""From rows to model inputs: the one path that training and evaluation share.

The ids up to a conversation's last answer are made once, by the processor, for both; training appends the answer and
the end token to them. So what the model saw up to the answer in training is what it sees in generation, whatever the
template does. Earlier answers are supervised where they stand.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, chain, islice
from typing import TYPE_CHECKING, Any

import torch

from pgt_lora.core.errors import InputError
from pgt_lora.data.images import Size, decode
from pgt_lora.data.turns import Role, Turn, turns
from pgt_lora.models.families.family import Family
from pgt_lora.models.families.template import answer_prefix, end_token
from pgt_lora.models.rendering import Rendered, render
from pgt_lora.models.text_ids import IGNORE, TextIds, tokens_of
from pgt_lora.models.transformers_internals import num_image_tokens

if TYPE_CHECKING:
    from transformers import BatchFeature, ProcessorMixin

MAX_KEPT = 50_000  # conversations whose ids are kept: PGT's repeat their words, others hardly do


@dataclass(frozen=True)
class Encoder:
    """Encodes rows of a dataset directory for one model; `texts` keeps the ids of what was said, for other epochs."""

    family: Family
    processor: "ProcessorMixin"
    texts: dict[tuple[Turn, ...], TextIds] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def end_id(self) -> int:
        """The id of the token that ends an answer."""
        return int(self.processor.tokenizer.convert_tokens_to_ids(end_token(self.family, self.processor)))

    @property
    def image_id(self) -> int:
        """The id of the token in whose place an image stands."""
        processor: Any = self.processor
        return int(processor.tokenizer.convert_tokens_to_ids(processor.image_token))

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
                images=list(filter(None, images)) or None,
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
        """Encode whole conversations, padded on the right; `labels` are the answers and their end tokens alone."""
        texts = self.all_text_ids(rows)
        prompts = self.prompts(rows)
        batch = self.extend(prompts, [text.answer for text in texts])
        kept = prompts["attention_mask"].bool()
        before = [
            text.prompt_labels(ids[keep], self.image_id)
            for text, ids, keep in zip(texts, prompts["input_ids"], kept, strict=True)
        ]
        batch["labels"] = _pad(before, [text.answer for text in texts], IGNORE)
        return batch

    def extend(self, prompts: "BatchFeature", tails: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        """Append ids to encoded prompts and pad on the right."""
        batch = dict(prompts)
        kept = batch["attention_mask"].bool()
        fill = {"input_ids": self.processor.tokenizer.pad_token_id or 0}
        after = {"input_ids": tails, "attention_mask": [[1] * len(tail) for tail in tails]}
        for name, values in prompts.items():
            if isinstance(values, torch.Tensor) and values.shape == kept.shape:  # the others are the images
                ends = after.get(name, [[0] * len(tail) for tail in tails])
                batch[name] = _pad([row[keep] for row, keep in zip(values, kept, strict=True)], ends, fill.get(name, 0))
        return batch

    def prompt_text(self, row: Mapping[str, Any]) -> str:
        """Return a row's conversation as the chat template renders it, up to where its last answer begins."""
        known = self.texts.get(turns(row))
        return known.text if known else self.rendered(row).prompt

    def rendered(self, row: Mapping[str, Any]) -> Rendered:
        """Return a row's conversation up to its last answer; raise `InputError` where the template does not hold it."""
        said = turns(row)
        asked = said[:-1] if said[-1].role == Role.ASSISTANT else said
        return render(self.family, self.processor, asked, f"row {row['id']}")

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
                raise InputError(
                    f"row {row['id']}: its text holds {found[0]!r}, which is a control token of this model; remove it"
                )

    def text_ids(self, row: Mapping[str, Any]) -> TextIds:
        """Return the ids of a row's conversation.

        Raises:
            InputError: as `continuations`.
        """
        (text,) = self.all_text_ids([row])
        return text

    def all_text_ids(self, rows: Sequence[Mapping[str, Any]]) -> list[TextIds]:
        """Return the ids of rows' conversations, in one call of the tokenizer; raise `InputError` as `text_ids`."""
        keys = [turns(row) for row in rows]
        fresh: dict[tuple[Turn, ...], Mapping[str, Any]] = {}
        for key, row in zip(keys, rows, strict=True):
            if key not in self.texts:
                fresh.setdefault(key, row)
        asked = [(row, [key[-1].text]) for key, row in fresh.items()]
        made = {key: text for key, (text,) in zip(fresh, self.continuations(asked), strict=True)}
        texts = [made.get(key) or self.texts[key] for key in keys]
        self.texts.update(islice(made.items(), max(0, MAX_KEPT - len(self.texts))))
        return texts

    def continuations(self, asked: Sequence[tuple[Mapping[str, Any], Sequence[str]]]) -> list[list[TextIds]]:
        """Return, for rows and the answers that are to follow each one's prompt, the ids with every one of them.

        Raises:
            InputError: an answer changes the prompt's own tokens, so it could never be generated after them; or the
                template does not hold the conversation.
        """
        for row, answers in asked:
            self.check_text(row, *(turn.text for turn in turns(row)), *answers)
        rendered = [self.rendered(row) for row, _ in asked]
        if not rendered:
            return []
        prefix = answer_prefix(self.family, self.processor)
        texts = [
            [each.prompt, *(each.prompt + prefix + answer for answer in answers)]
            for each, (_, answers) in zip(rendered, asked, strict=True)
        ]
        tokens = self.processor.tokenizer(
            list(chain.from_iterable(texts)),
            add_special_tokens=self.adds_special_tokens(texts[0][0]),
            return_offsets_mapping=any(each.answers for each in rendered),
        )
        starts = accumulate(map(len, texts), initial=0)  # of each row's own texts, its prompt first
        places = tokens.get("offset_mapping")
        return [
            self._text_ids(each, row, answers, tokens.input_ids[at : at + 1 + len(answers)], places and places[at])
            for each, (row, answers), at in zip(rendered, asked, starts, strict=False)
        ]

    def _text_ids(
        self, rendered: Rendered, row: Mapping[str, Any], answers: Sequence[str], ids: Sequence[list[int]], places: Any
    ) -> list[TextIds]:
        """Return the ids with each answer, of those of the prompt alone and with each; `places` are the prompt's."""
        before, *both = ids
        for answer, whole in zip(answers, both, strict=True):
            if whole[: len(before)] != before:
                raise InputError(f"row {row['id']}: its answer {answer!r} merges with the end of the prompt")
        earlier = [tokens_of(span, places, f"row {row['id']}") for span in rendered.answers]
        return [TextIds(before, earlier, [*whole[len(before) :], self.end_id], rendered.prompt) for whole in both]


@lru_cache(maxsize=2)  # a processor that is kept keeps its tokenizer, 30 MB
def control_tokens(processor: "ProcessorMixin") -> re.Pattern[str]:
    """Return what finds the tokens in a text that steer a model instead of being read: roles, ends, placeholders."""
    tokens = {str(token) for token in processor.tokenizer.added_tokens_decoder.values() if token.special}
    tokens |= {str(value) for name, value in vars(processor).items() if name.endswith("_token") and value}
    return re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))) or r"(?!)")


def _pad(heads: Sequence[torch.Tensor], tails: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    joined = [torch.cat([head, torch.tensor(tail, dtype=head.dtype)]) for head, tail in zip(heads, tails, strict=True)]
    return torch.nn.utils.rnn.pad_sequence(joined, batch_first=True, padding_value=value)

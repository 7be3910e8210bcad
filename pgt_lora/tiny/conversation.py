"""Lessons as ids: whole conversations over one image, without a template rendered or an image read for each."""

from collections.abc import Sequence
from functools import lru_cache

from pgt_lora.data.scene import Canvas, Scene, render
from pgt_lora.data.turns import IMAGE, Role
from pgt_lora.data.turns import Turn as Said
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.models.families.template import answer_prefix, end_token, messages
from pgt_lora.tiny.objects import Turn

QUESTION, ANSWER = "question", "answer"
MAX_KEPT = 50_000


class Talk:
    """Encodes the turns of a conversation over an image of the small models' size."""

    def __init__(self, encoder: Encoder):
        self.encoder = encoder
        processor, self.end = encoder.processor, end_token(encoder.family, encoder.processor)
        self.tokenizer = processor.tokenizer
        row = {"id": "lesson", "images": [render(Scene(Canvas(112, 112)))], "prompt": [{"content": QUESTION}]}
        self.prompt = encoder.prompt_text(row)
        self.adds_special_tokens = encoder.adds_special_tokens(self.prompt)
        # All that the template renders from an answer's end to where the next one begins.
        turns = (Said(Role.USER, (IMAGE, QUESTION)), Said(Role.ASSISTANT, (ANSWER,)), Said(Role.USER, (QUESTION,)))
        text = processor.apply_chat_template(messages(turns), add_generation_prompt=True, tokenize=False)
        self.between = text.partition(ANSWER)[2].removeprefix(self.end)
        # The processor puts an image's tokens in the place of one: what it puts there is always the same.
        whole = encoder.prompts([row])["input_ids"][0].tolist()
        one = self._ids(self.prompt, self.adds_special_tokens)
        pairs = enumerate(zip(whole, [*one, None], strict=False))
        self.place = next(i for i, (a, b) in pairs if a != b or self._image(b))
        self.image = whole[self.place : self.place + len(whole) - len(one) + 1]
        image_id = max(set(self.image), key=self.image.count)
        self.first_image_token = whole.index(image_id)
        self.num_image_tokens = len(whole) - whole[::-1].index(image_id) - self.first_image_token
        self.prefix = answer_prefix(encoder.family, processor)
        self.bare = self._ids(self.prompt)
        self.asked, self.said = lru_cache(MAX_KEPT)(self._asked), lru_cache(MAX_KEPT)(self._said)

    def ids(self, turns: Sequence[Turn]) -> tuple[list[int], list[int]]:
        """Return the ids of a conversation with its image, and labels that supervise the answers and their ends.

        Raises:
            ValueError: an answer changes the prompt's own tokens.
        """
        ids: list[int] = []
        labels: list[int] = []
        for number, (question, answer) in enumerate(turns):
            asked, said = self.asked(question, number == 0), self.said(answer)
            ids += [*asked, *said]
            labels += [*[IGNORE] * len(asked), *said]
        return ids, labels

    def _ids(self, text: str, add_special_tokens: bool = False) -> list[int]:
        # Without what Transformers does for lists and lengths, which takes longer than the tokenizer.
        ids: list[int] = self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=add_special_tokens).ids
        return ids

    def _image(self, token: int | None) -> bool:
        return token is not None and token == getattr(self.encoder.processor, "image_token_id", None)

    def _asked(self, question: str, is_first: bool) -> list[int]:
        if not is_first:
            return self._ids(self.between.replace(QUESTION, question))
        ids = self._ids(self.prompt.replace(QUESTION, question), self.adds_special_tokens)
        return [*ids[: self.place], *self.image, *ids[self.place + 1 :]]

    def _said(self, answer: str) -> list[int]:
        ids = self._ids(self.prompt + self.prefix + answer)
        if ids[: len(self.bare)] != self.bare:
            raise ValueError(f"the answer {answer!r} merges with the end of the prompt")
        return [*ids[len(self.bare) :], self.encoder.end_id]

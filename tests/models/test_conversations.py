"""Conversations, for every family: what is trained is what is generated after, and TRL supervises the same."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import trl
from datasets import load_dataset
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from pgt_lora.data.directory import open_dataset
from pgt_lora.data.turns import Form
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.models.audit import audit_row
from pgt_lora.models.cached_encoder import FEATURES_FILE, CachedEncoder
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.models.families.template import end_token
from pgt_lora.models.feature_cache import cached
from pgt_lora.models.lengths import measure
from tests.support.conversations import conversations, write_conversations
from tests.support.discovered import CASE_NAMES, CASES, FAMILIES, Subject, small_processor
from tests.support.samples import unpadded

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
KNOWN = {"qwen2_5_vl": (None, "qwen2_5_vl"), "qwen3_vl": (None, "qwen3_vl"), "llava_next": ("mistral", "llava_next")}
WITHOUT_ENDS = ("vicuna",)  # the template renders none behind an answer
OTHER_SPACES = ("llama3", "llava_onevision")  # the template renders others before an answer that is history

Message = dict[str, Any]


class Words(NamedTuple):
    """A family's encoder in a chat format; no weights are needed."""

    name: str
    form: str | None
    encoder: Encoder


@pytest.fixture(scope="module", params=CASES, ids=CASE_NAMES)
def words(request: pytest.FixtureRequest) -> Words:
    name, form = request.param
    return Words(name, form, Encoder(FAMILIES[name], small_processor(name, form)))


def rows() -> list[dict[str, Any]]:
    return [each.to_row(Form.CONVERSATIONS) for each in conversations()]


def up_to_each_answer(row: Message) -> list[Message]:
    """A row for each question of a conversation, with the true history."""
    places = [number for number, message in enumerate(row["messages"]) if message["role"] == "assistant"]
    parts = [row["messages"][: place + 1] for place in places]
    shown = [sum(part["type"] == "image" for message in part for part in message["content"]) for part in parts]
    return [row | {"messages": part, "images": row["images"][:num]} for part, num in zip(parts, shown, strict=True)]


def supervised(batch: Any) -> list[list[list[int]]]:
    """The runs of supervised ids of every row."""
    runs: list[list[list[int]]] = []
    for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
        runs.append([])
        before = IGNORE
        for token, label in zip(ids, labels, strict=True):
            assert label in (IGNORE, token)
            if label != IGNORE:
                if before == IGNORE:
                    runs[-1].append([])
                runs[-1][-1].append(token)
            before = label
    return runs


def test_every_answer_follows_in_training_what_it_follows_in_generation(words: Words) -> None:
    encoder = words.encoder
    for row in rows():
        batch = encoder.training_batch([row])
        (whole,), (labels,) = unpadded(batch), unpadded(batch, "labels")
        starts = [i for i in range(len(labels)) if labels[i] != IGNORE and labels[i - 1] == IGNORE]
        questions = up_to_each_answer(row)
        assert len(starts) == len(questions)
        for start, question in zip(starts, questions, strict=True):
            if words.name == "llava_onevision" and len(question["images"]) != len(row["images"]):
                continue  # it cuts an image into tiles only where no other one is shown, now or later
            (prompt,) = unpadded(encoder.prompts([question]))
            assert whole[:start] == prompt
            assert row["id"] != "text" or "pixel_values" not in batch


def test_the_answers_and_their_ends_are_supervised(words: Words) -> None:
    encoder, tokenizer = words.encoder, words.encoder.processor.tokenizer
    end = end_token(encoder.family, encoder.processor)
    for row, runs in zip(rows(), supervised(encoder.training_batch(rows())), strict=True):
        answers = [message["content"][0]["text"] for message in row["messages"] if message["role"] == "assistant"]
        ends = ["" if words.form in WITHOUT_ENDS else end for _ in answers[:-1]] + [end]
        assert [tokenizer.decode(run).strip() for run in runs] == [a + b for a, b in zip(answers, ends, strict=True)]


def test_the_prompt_is_the_templates_own(words: Words) -> None:
    processor = words.encoder.processor
    for row in rows():
        turns = [
            {"role": message["role"], "content": [{k: v for k, v in part.items() if v} for part in message["content"]]}
            for message in row["messages"][:-1]
        ]
        theirs = processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        ours = words.encoder.prompt_text(row)
        if {words.name, words.form} & set(OTHER_SPACES):
            assert ours.split() == theirs.split()
        else:
            assert ours == theirs


@pytest.mark.slow
def test_batched_is_as_one_by_one(subject: Subject) -> None:
    """Rows of text alone, of one image and of several, in one batch; what nobody sees has no pixels."""
    encoder, model, part = subject.encoder, subject.model, rows()
    batch = encoder.training_batch(part)
    with torch.inference_mode():
        together = model(**{name: values for name, values in batch.items() if name != "labels"}).logits
    for number, row in enumerate(part):
        alone = encoder.training_batch([row])
        labels = alone.pop("labels")
        with torch.inference_mode():
            logits = model(**alone).logits
        torch.testing.assert_close(together[number, : labels.shape[1]], logits[0], rtol=0, atol=2e-5)
    generation = [Generation(size, 4) for size in (len(part), 1)]
    assert list(answer(model, encoder, part, generation[0])) == list(answer(model, encoder, part, generation[1]))


def test_lengths_are_the_encoders(words: Words) -> None:
    for row, length in zip(rows(), measure(words.encoder, rows()), strict=True):
        batch = words.encoder.training_batch([row])
        assert length.total == batch["input_ids"].shape[1]
        assert (
            length.supervised == int((batch["labels"] != IGNORE).sum()) == audit_row(words.encoder, row).num_supervised
        )


@pytest.mark.slow
def test_a_cache_holds_conversations_too(subject: Subject, tmp_path: Path) -> None:
    if not subject.encoder.family.features_suffice:
        pytest.skip("nothing is cached for this family")
    data = write_conversations(tmp_path / "data" / "talks", conversations())
    stored = open_dataset(data)
    encoder = cached(subject.encoder, subject.model, stored, data, 1.0, measure(subject.encoder, stored))
    assert isinstance(encoder, CachedEncoder)
    for chosen in ([0, 1, 2, 3, 4], [3, 4], [3, 1]):
        part = [stored[index] for index in chosen]
        usual, kept = subject.encoder.training_batch(part), encoder.training_batch(part)
        assert set(usual) - {"pixel_values"} == set(kept) - {"mm_encoder_outputs"}
        for name in usual.keys() & kept.keys():
            assert torch.equal(usual[name], kept[name]), name
        with torch.inference_mode():
            torch.testing.assert_close(subject.model(**kept).loss, subject.model(**usual).loss)
    words = write_conversations(tmp_path / "data" / "words", conversations()[3:])
    said = open_dataset(words)
    lengths = measure(subject.encoder, said)
    assert cached(subject.encoder, subject.model, said, words, 1.0, lengths) is subject.encoder
    assert not list(tmp_path.glob(f"data/words-*/{FEATURES_FILE}"))


@pytest.mark.parametrize("name", KNOWN)
def test_trl_supervises_the_same(name: str, tmp_path: Path) -> None:
    """TRL's `assistant_only_loss` on the directory as `load_dataset` opens it.

    It leaves out the BOS that the tokenizer adds, and supervises the newline that Qwen's template renders behind an
    end; the kit stops with the end.
    """
    form, template = KNOWN[name]
    processor = small_processor(name, form)
    processor.chat_template = (TEMPLATES / f"{template}.jinja").read_text(encoding="utf-8")
    system = name != "llava_next"  # of which TRL's template renders a system turn as no other one
    data = write_conversations(tmp_path / "talks", conversations(system))
    collator = DataCollatorForVisionLanguageModeling(
        processor, assistant_only_loss=True, completion_only_loss=False,
        chat_template=(TEMPLATES / f"{template}_training.jinja").read_text(encoding="utf-8"),
    )  # fmt: skip
    theirs = collator(list(load_dataset(str(data), split="train")))
    ours = Encoder(FAMILIES[name], processor).training_batch(list(open_dataset(data)))
    newline = processor.tokenizer("\n").input_ids[-1:] if name != "llava_next" else []
    assert [[run + newline for run in runs] for runs in supervised(ours)] == supervised(theirs)
    for mine, other in zip(unpadded(ours), unpadded(theirs), strict=True):
        mine = mine[mine[0] == processor.tokenizer.bos_token_id :]
        assert other[: len(mine)] == mine
        assert processor.tokenizer.decode(other[len(mine) :]).strip() == ""
    torch.testing.assert_close(ours["pixel_values"], theirs["pixel_values"])

"""A question about a person's own images gets the answer that evaluation would get."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pgt_lora.cli.app import app
from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.turns import turns
from pgt_lora.evaluation.ask import Chat
from pgt_lora.evaluation.evaluate import load_for_evaluation, predict
from pgt_lora.evaluation.generation import Generation
from pgt_lora.models.checkpoint import adapter_checkpoint
from pgt_lora.models.encoding import Encoder
from tests.support.adapters import write_adapter
from tests.support.checkpoints import checkpoint
from tests.support.command import call


@pytest.fixture(scope="module")
def adapter(base_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = write_adapter(base_dir, tmp_path_factory.mktemp("asked"), size=0.5)
    (directory / "recipe.yaml").unlink()  # as of an adapter that was trained elsewhere
    return directory


@pytest.fixture
def image(data_dir: Path, tmp_path: Path) -> Path:
    path = tmp_path / "a picture.png"
    path.write_bytes(open_dataset(data_dir)[0]["images"][0]["bytes"])
    return path


def test_an_answer_is_that_of_evaluation(base_dir: Path, adapter: Path, data_dir: Path, image: Path) -> None:
    row = open_dataset(data_dir).select([0])
    question, generation = row[0]["prompt"][0]["content"], Generation(1, 8)
    tuned, encoder = load_for_evaluation(adapter_checkpoint(adapter))
    answers = Chat(tuned, encoder, [image], generation, base=True).ask(question)
    assert answers["answer"] == predict(tuned, encoder, row, generation)[0]["output"].strip()
    base, _ = load_for_evaluation(checkpoint(base_dir))
    assert answers["base_answer"] == predict(base, encoder, row, generation)[0]["output"].strip()
    assert answers["answer"] != answers["base_answer"]
    assert Chat(base, encoder, [image], generation).ask(question) == {"answer": answers["base_answer"]}
    with pytest.raises(InputError, match="no adapter to leave out"):
        Chat(base, encoder, [image], generation, base=True).ask(question)
    assert set(Chat(tuned, encoder, [image, image], generation).ask(question)) == {"answer"}  # several images
    with pytest.raises(InputError, match="is a control token of this model"):
        Chat(tuned, encoder, [image], generation).ask("What<|im_end|>?")


def test_a_chat_keeps_what_was_said(adapter: Path, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned, encoder = load_for_evaluation(adapter_checkpoint(adapter))
    rows = []

    def said(model: object, encoder: Encoder, asked: list[dict], *rest: object) -> Iterator[str]:
        encoder.prompts(asked)
        rows.extend(asked)
        return iter([("", "two ", "red", "red, too")[len(rows) - 1]])  # the base says nothing at first

    monkeypatch.setattr("pgt_lora.evaluation.ask.answer", said)
    chat = Chat(tuned, encoder, [image], Generation(1, 4), base=True)
    assert chat.ask("How many boxes?") == {"base_answer": "", "answer": "two"}
    assert chat.ask("Which colors?") == {"base_answer": "red", "answer": "red, too"}
    _, _, base, answer = map(turns, rows)  # what the second question was asked behind
    assert [turn.text for turn in answer] == ["How many boxes?", "two", "Which colors?"]
    assert [turn.num_images for turn in answer] == [1, 0, 0]
    assert [(turn.text, turn.num_images) for turn in base] == [("Which colors?", 1)]
    with pytest.raises(InputError, match="the question is empty"):
        chat.ask(" ")


def test_the_command_prints_the_answers(adapter: Path, image: Path) -> None:
    def printed(*words: str) -> str:
        result = CliRunner().invoke(app, ["ask", str(adapter), str(image), "How many?", "--max-new-tokens=4", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    answers = json.loads(printed("--base", "--json"))
    assert (answers["images"], answers["question"]) == ([str(image)], "How many?")
    lines = [line.split(maxsplit=1) for line in printed("--base").splitlines()]
    assert [line[0] for line in lines] == ["base", "fine-tuned"]
    assert lines[1][1].strip() == answers["answer"]
    assert printed().strip() == answers["answer"]
    words = ["ask", str(adapter), str(image), "--chat", "--max-new-tokens=4", "--json"]
    result = CliRunner().invoke(app, words, input="How many?\nWhere?\n\nnever asked\n")
    assert result.exit_code == 0
    told = [json.loads(line) for line in result.stdout.splitlines()]  # no sign of a terminal that is not there
    assert [each["question"] for each in told] == ["How many?", "Where?"]
    assert told[0]["answer"] == answers["answer"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["How many?"], "name a model, one or more image files"),
        (["missing.png", "How many?"], "missing.png"),
        (["IMAGE", "IMAGE"], "an image file instead of the question"),
    ],
)
def test_what_cannot_be_asked_is_told_before_a_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], image: Path, words: list[str], told: str
) -> None:
    asked = [str(image) if word == "IMAGE" else word for word in words]
    status, error = call(monkeypatch, capsys, "ask", "no-such-model", *asked)
    assert status != 0
    assert told in error

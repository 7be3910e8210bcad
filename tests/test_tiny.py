import json
from collections import Counter
from pathlib import Path

import pytest
import torch
from datasets import Dataset

from pgt_lora.core.recipe import ROOT, recipe_names
from pgt_lora.core.streams import stream
from pgt_lora.data.generate import tasks
from pgt_lora.data.scene import Box, Canvas, Circle, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.task import Settings
from pgt_lora.evaluation.evaluate import Generation, load_encoder, load_for_evaluation, predict
from pgt_lora.models.checkpoint import family
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.tiny import pointing, qwen2_5_vl
from pgt_lora.tiny.__main__ import MODELS
from pgt_lora.tiny.grounding import CLASSES, KINDS, targets
from pgt_lora.tiny.lessons import draw_turns, phrase
from pgt_lora.tiny.listings import LISTINGS
from pgt_lora.tiny.pretrain import Schedule, conversation, pretrain
from pgt_lora.tiny.questions import QUESTIONS
from pgt_lora.tiny.skills import SKILLS, skill_samples

ARCHITECTURES = (
    "InternVLForConditionalGeneration", "LlavaNextForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration",
)  # fmt: skip
SHIPPED = sorted((ROOT / "data").glob("tiny-*"))


def test_no_lesson_asks_what_pgt_asks() -> None:
    lessons = {text for i in range(2000) for text, _ in draw_turns(stream(0, "test", i))[1]}
    pgt = {task.plan(stream(0, "test", i), Settings()).text for task in tasks().values() for i in range(400)}
    assert not lessons & pgt
    for words in ("relative", "closest", "same color", "overlay", "coordinates", "respect to"):
        assert not any(words in text for text in lessons)
        assert any(words in text for text in pgt)


@pytest.mark.parametrize("lesson", sorted({*LISTINGS, *QUESTIONS}, key=str), ids=lambda lesson: lesson.__name__)
def test_every_lesson_is_taught_and_answers_vary(lesson) -> None:  # type: ignore[no-untyped-def]
    turns = [lesson(stream(1, "test", i), draw_turns(stream(2, "test", i))[0]) for i in range(300)]
    taught = [turn for turn in turns if turn]
    assert len(taught) >= 20
    answers = Counter(answer for _, answer in taught)
    assert len(answers) > 1
    assert answers.most_common(1)[0][1] < 0.8 * len(taught)


def test_lessons_say_what_the_scene_holds() -> None:
    circles = (Circle("blue", 84, 90, 10, 1.0), Circle("pink", 30, 90, 8, 0.7), Circle("pink", 90, 20, 8, 0.7))
    scene = Scene(Canvas(112, 112), (Box("red", 0, 0, 39, 19),), circles)
    said = {lesson(stream(0, i), scene) for lesson in (*LISTINGS, *QUESTIONS) for i in range(60)} - {None}
    listed = "red box 18 09; blue circle 75 80; pink circle 27 80; pink circle 80 18"
    assert ("List the objects by color.", listed) in said
    cells = "red box - - pink circle; - - - -; - - - -; - pink circle - blue circle"
    assert ("List the cells row by row.", cells) in said
    assert ("List the number of each color.", "red 1; blue 1; pink 2") in said
    assert ("At which percent is the blue object?", "(75, 80)") in said
    assert ("Where is the red object from the middle, left or right?", "left") in said
    assert ("How many circles in all?", "3") in said
    assert ("There is something green in the image.", "False") in said
    assert not any("letter" in text and "option" not in text for text, _ in said)


def test_a_question_says_what_its_answer_is_like() -> None:
    def closings(turn: tuple[str, str]) -> set[str]:
        return {phrase(stream(0, i), turn)[0].partition(turn[0])[2] for i in range(100)}

    assert " Give the number alone." in closings(("How many objects in all?", "3"))
    assert {text.split()[-1] for text in closings(("How many? (A) 3 (B) 4", "A"))} == {"letter.", "right."}
    assert "" not in closings(("It is red.", "True"))


def test_names_point_to_what_they_name() -> None:
    circles = (Circle("red", 40, 90, 12, 1.0, "C"), Circle("red", 8, 8, 6, 1.0, "A"))
    found = pointing.cells([Scene(Canvas(112, 112), (), circles)])
    red, letter = (found[0, pointing.NAMES.index(name)] for name in ("red", "C"))
    assert red.nonzero().flatten().tolist() == [0, 5 * 7 + 2]
    assert letter.nonzero().flatten().tolist() == [5 * 7 + 2]
    assert found.sum() == 4
    tokenizer = qwen2_5_vl.build_processor().tokenizer
    names = pointing.token_names(tokenizer)[tokenizer("red, the letter C and (C) blue").input_ids]
    assert [pointing.NAMES[i] for i in names if i >= 0] == ["red", "C", "blue"]  # an option's letter names nothing


def test_pointing_is_learnt_when_attention_lies_where_it_should() -> None:
    scene = Scene(Canvas(112, 112), (), (Circle("red", 8, 8, 6, 1.0), Circle("red", 104, 8, 6, 1.0)))
    image = torch.tensor([[False] + 49 * [True] + 2 * [False]])
    names = torch.tensor([-1, pointing.NAMES.index("red"), pointing.NAMES.index("green")])
    ids = torch.tensor([50 * [0] + [1, 2]])  # an image between other tokens, then "red" and "green"
    attention = torch.zeros(1, 2, 52, 52)
    attention[0, 1, 50, [0, 1, 7]] = torch.tensor([4.0, 1.0, 1.0]) / 6  # two objects, and the resting place
    attention[0, 1, 51, 0] = 1.0  # there is no green one

    def loss() -> float:
        # The first head has nothing to learn: neither colour is a single object's.
        _, counting = pointing.pointing_losses(attention, ids, image, [scene], names)
        return float(counting)

    assert loss() == pytest.approx(0, abs=1e-3)
    attention[0, 1, 51] = 1 / 52
    assert loss() > 1


def test_the_attention_of_pretraining_is_the_models_own(base_dir: Path) -> None:
    model, encoder = load_for_evaluation(str(base_dir))
    rows = [sample.to_row() for sample in skill_samples(2)]
    batch = encoder.training_batch(rows)
    batch.pop("labels"), batch.pop("attention_mask")
    with torch.no_grad():
        usual = model(**batch).logits
        model.set_attn_implementation("pointing")
        torch.testing.assert_close(model(**batch).logits, usual, rtol=1e-4, atol=1e-4)


def test_grounding_marks_the_token_that_holds_the_centre() -> None:
    found = targets([Scene(Canvas(112, 112), (), (Circle("red", 40, 90, 12, 1.0, "C"),))])
    cell = 5 * 7 + 2  # row 90 // 16, column 40 // 16
    assert found["kind"][0, cell] == KINDS.index("C")
    assert (found["kind"] > 0).sum() == 1
    assert found["color"][0, cell] == list(COLORS).index("red")
    assert (found["x_tens"][0, cell], found["x_ones"][0, cell]) == (3, 6)  # 40 / 112 is 36 per cent
    assert (found["x_part"][0, cell], found["y_part"][0, cell]) == (2, 2)
    assert (found["row"][0, cell], found["column"][0, cell]) == (5, 2)
    assert all(int(found[name].max()) < size for name, size in CLASSES.items())


def test_a_conversation_is_what_the_template_renders(base_dir: Path) -> None:
    encoder = load_encoder(str(base_dir))
    turns = draw_turns(stream(3, "test"))[1]
    question, ids, labels = conversation(encoder, turns)
    messages = encoder.adapter.messages(question)
    for number, (text, answer) in enumerate(turns):
        messages += [{"role": "user", "content": text}] if number else []
        messages.append({"role": "assistant", "content": answer})
    whole = encoder.processor.apply_chat_template(messages, tokenize=False)
    assert whole.endswith(encoder.processor.tokenizer.decode(ids) + "\n")
    answers = encoder.processor.tokenizer.decode([token for token in labels if token != IGNORE])
    assert answers == "".join(f"{answer}<|im_end|>" for _, answer in turns)


def test_pretraining_depends_on_the_seed_alone(base_dir: Path) -> None:
    def weights() -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        processor = qwen2_5_vl.build_processor()
        model = qwen2_5_vl.build_model(processor)
        pretrain(model, Encoder(family(str(base_dir)), processor), Schedule(steps=2, batch_size=2, pool=2))
        return model.state_dict()

    first, second = weights(), weights()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_skills_are_the_lessons_held_out() -> None:
    samples = list(skill_samples(4 * len(SKILLS)))
    assert Counter(sample.task for sample in samples) == dict.fromkeys(SKILLS, 4)
    for sample in samples:
        assert sample.choices is not None
        assert sample.answer in sample.choices


def test_there_is_a_recipe_for_every_shipped_model() -> None:
    assert (
        {path.name for path in SHIPPED} == {name for name in recipe_names() if name.startswith("tiny-")} == set(MODELS)
    )


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_model_is_small_real_and_sees(shipped: Path) -> None:
    assert sum(path.stat().st_size for path in shipped.iterdir()) < 8_000_000
    (name,) = json.loads((shipped / "config.json").read_text())["architectures"]
    assert name in ARCHITECTURES
    model, encoder = load_for_evaluation(str(shipped))
    rows = Dataset.from_list([sample.to_row() for sample in skill_samples(10 * len(SKILLS), seed=1)])
    predictions = predict(model, encoder, rows, Generation(batch_size=40))
    assert sum(prediction["correct"] for prediction in predictions) > 0.8 * len(rows)

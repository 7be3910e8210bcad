"""The diagnosis names the faults of planted models, and finds none where there are none."""

import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from PIL import Image
from scipy.stats import binomtest

from pgt_lora.data.generate import tasks
from pgt_lora.data.probes import probe_samples
from pgt_lora.data.scene import Canvas, Scene
from pgt_lora.data.tasks.task import Settings
from pgt_lora.evaluation.evaluate import _prediction
from pgt_lora.studies.diagnose.charts import axes, measure, trends
from pgt_lora.studies.diagnose.figures import Item, diagnose
from pgt_lora.studies.diagnose.shares import Share, Skill
from pgt_lora.studies.diagnose.verdict import (
    CANNOT_SAY,
    NOT_SEEN,
    ONLY_BLIND,
    ONLY_FIXED,
    ONLY_SILENT,
    SEES,
    UNDECIDED,
    Verdict,
    headline,
    judge,
)
from tests import oracle, planted

SETTINGS = Settings(Canvas(112, 112), split="test")
SENSES = {name: task.sees for name, task in tasks().items()}


@cache
def rows(num_pairs: int = 60) -> tuple[dict[str, Any], ...]:
    probed = [task for task in tasks().values() if task.probe]
    pairs = (probe_samples(task, index, SETTINGS, 0) for index in range(num_pairs) for task in probed)
    return tuple(sample.to_row() for pair in pairs for sample in pair)


def answered(model: planted.Model, asked: Sequence[dict[str, Any]] | None = None) -> list[Skill]:
    return diagnose([Item(row, _prediction(row, model(row))) for row in asked or rows()])


def verdicts(model: planted.Model, asked: Sequence[dict[str, Any]] | None = None) -> dict[str, Verdict]:
    return {skill.task: judge(skill) for skill in answered(model, asked)}


def kinds(model: planted.Model) -> dict[str, str]:
    return {task: verdict.kind for task, verdict in verdicts(model).items()}


def said(model: planted.Model) -> str:
    return " ".join(headline(list(verdicts(model).values()), SENSES))


def test_every_task_is_probed_and_tells_its_traits() -> None:
    assert {row["task"] for row in rows()} == set(tasks())
    assert all(task.probe and task.traits and task.sees for task in tasks().values())


def test_the_first_option_is_named() -> None:
    assert set(kinds(planted.first_option).values()) == {ONLY_FIXED}
    told = said(planted.first_option)
    assert told.startswith("Always gives the same answer, whatever is shown: ")
    assert "the first option (absolute_position, analogy, distance, relation)" in told
    assert "1 or the first option (counting)" in told  # without options, the least number
    assert "(0.5, 0.5) (coordinates)" in told
    assert "template B: always True = the first option" in verdicts(planted.first_option)["relation"].habits


def test_a_reader_of_the_question_alone_is_named() -> None:
    assert set(kinds(planted.question_alone).values()) == {ONLY_BLIND}
    assert said(planted.question_alone) == "Ignores the image: the answers follow the question alone."
    for skill in answered(planted.question_alone):
        for wording in skill.wordings:
            assert wording.pairs and wording.pairs.changed.hits == wording.pairs.both_right.hits == 0


def test_an_eye_for_colors_alone_is_named() -> None:
    found = kinds(planted.color_alone)
    assert found.pop("analogy") == SEES
    assert set(found.values()) <= {NOT_SEEN, ONLY_BLIND}
    assert said(planted.color_alone).startswith("Sees color alone, and no place or number.")


def test_a_perfect_model_has_no_fault() -> None:
    assert set(kinds(planted.knows).values()) == {SEES}
    assert not any(verdict.failures or verdict.habits for verdict in verdicts(planted.knows).values())
    assert "Fooled" not in said(planted.knows)
    for skill in answered(planted.knows):
        assert skill.right.value == 1
        for wording in skill.wordings:
            assert wording.pairs and wording.pairs.changed.value == wording.pairs.both_right.value == 1


def test_dice_are_not_said_to_see_and_not_said_to_ignore_the_image() -> None:
    assert set(kinds(planted.dice).values()) == {NOT_SEEN}


def test_a_guesser_does_not_depend_on_the_wording() -> None:
    for skill in answered(planted.dice):
        untested = [pair.templates for pair in skill.agreements if pair.p is None]
        # Among nine numbers one guesses worse than among three letters, and depends on nothing for that.
        assert untested == ([("A", "B")] if skill.task == "counting" else [])
    assert not any(each.habits for each in verdicts(planted.dice).values())


def test_few_items_are_no_ground_for_a_verdict() -> None:
    few = [row for row in rows() if int(row["group"][-5:-1]) < 3]
    assert {verdict.kind for verdict in verdicts(planted.dice, few).values()} <= {UNDECIDED, NOT_SEEN}
    assert verdicts(planted.dice, few)["relation"].kind == UNDECIDED
    assert verdicts(planted.question_alone, few)["relation"].kind == UNDECIDED


def test_what_is_seen_and_not_said_in_every_wording_is_told_apart() -> None:
    found = verdicts(planted.one_template)
    assert {task for task, verdict in found.items() if verdict.kind == CANNOT_SAY} == {"relation", "counting"}
    told = " ".join(found["relation"].habits)
    assert re.search(r"depends on the wording: of 120 images, A alone gets \d\d right, B alone 0 ", told)
    assert "Sees more than it says: counting, relation." in said(planted.one_template)


def test_format_failures_are_no_wrong_answers() -> None:
    assert set(kinds(planted.mute).values()) == {ONLY_SILENT}
    found = verdicts(planted.mostly_mute)
    assert found["relation"].kind == CANNOT_SAY
    told = " ".join(found["relation"].failures)
    assert "most often 'What a lovely picture!'; 100.0% of the rest is right" in told
    for skill in answered(planted.mute):
        assert skill.right.value == 0
        assert all(wording.silent.value == 1 and wording.said.total == 0 for wording in skill.wordings)


def test_a_leaning_to_true_is_noted() -> None:
    notes = verdicts(planted.yes_man)["relation"].habits
    assert said(planted.yes_man).endswith("Fooled by the question: relation.")
    assert any(note.startswith("template B: leans to the first option: ") for note in notes)
    assert not any(note.startswith(("template A", "template C")) for note in notes)


def test_a_habit_is_no_sight_where_it_is_mostly_right() -> None:
    asked = [row for row in rows() if (row["task"], row["template"]) == ("relation", "B")]
    mostly_true = [row for row in asked if row["answer"] == "True" or planted.number(row["id"]) % 3 == 0]
    assert verdicts(planted.first_option, mostly_true)["relation"].kind == ONLY_FIXED
    assert verdicts(planted.knows, mostly_true)["relation"].kind == SEES
    # All but one are true: to say so of nearly all is what a model that sees does, too.
    false, true = ([row for row in asked if row["answer"] == answer] for answer in ("False", "True"))
    assert verdicts(planted.knows, [*true, false[0]])["relation"].kind == SEES


def test_pairs_share_the_question_or_the_image() -> None:
    texts, images = defaultdict(list), defaultdict(list)
    for row in rows():
        texts[row["id"][:-3], row["prompt"][0]["content"]].append(row)
        images[row["group"]].append(row)
    for pair in texts.values():
        assert len({row["answer"] for row in pair}) == len({row["group"] for row in pair}) == len(pair) == 2
    for same in images.values():
        assert len({row["images"][0]["bytes"] for row in same}) == 1
        assert len({row["prompt"][0]["content"] for row in same}) == len(same)
    wordings = {task: len(next(each for each in images.values() if each[0]["task"] == task)) for task in tasks()}
    assert wordings == {
        "absolute_position": 2, "analogy": 1, "coordinates": 1, "counting": 2, "distance": 2, "relation": 3,
    }  # fmt: skip


def test_the_oracle_agrees_with_the_probes() -> None:
    seen = [row for row in rows() if int(row["group"][-5:-1]) % 4 == 0]
    assert len(seen) == 15 * 22
    for row in seen:
        image = Image.open(io.BytesIO(row["images"][0]["bytes"]))
        assert oracle.answer(image, row["prompt"][0]["content"]) == row["answer"]


def test_answers_of_probes_are_balanced() -> None:
    for template, choices in (("A", 2), ("B", 2), ("C", 2)):
        places = Counter(
            row["choices"].index(row["answer"])
            for row in rows()
            if (row["task"], row["template"]) == ("relation", template)
        )
        assert sorted(places.values()) == [60] * choices  # each text once with each answer


def test_an_image_counts_once() -> None:
    skill = next(skill for skill in answered(planted.knows) if skill.task == "relation")
    assert skill.right == Share(120, 120)
    assert [wording.right.total for wording in skill.wordings] == [120, 120, 120]
    distance = next(skill for skill in answered(planted.dice) if skill.task == "distance")
    assert distance.wordings[0].right.total == 120  # each asked twice, in two orders


def test_intervals_of_verdicts_are_wilsons_at_999() -> None:
    expected = binomtest(30, 100).proportion_ci(0.999, method="wilson")
    assert (Share(30, 100).low, Share(30, 100).high) == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize("task", tasks())
def test_traits_are_those_of_the_scene(task: str) -> None:
    for row in [row for row in rows() if row["task"] == task][:60]:
        scene, text = Scene.from_json(row["scene"]), row["prompt"][0]["content"]
        measure = tasks()[task].traits
        assert measure
        traits = measure(scene, text)
        assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in traits.places)
        assert all(value >= 0 for value in traits.numbers.values())
        if task == "counting":
            assert traits.numbers["circles asked for"] == len(traits.places)
            assert row["template"] == "B" or traits.numbers["circles asked for"] == int(row["answer"])
        if task == "relation":
            assert traits.numbers["gap between the boxes"] >= 0.04
            assert traits.numbers["off axis / along it"] <= 0.5
            assert traits.names["color"] in text.split()
        if task == "distance":
            assert traits.numbers["nearest / next"] <= 0.75
        if task == "absolute_position":
            assert traits.numbers["distractors"] == len(json.loads(row["scene"])["figures"]) - 1
        if task == "coordinates":
            assert traits.places[0] == pytest.approx([float(v) for v in row["answer"][1:-1].split(",")], abs=0.0051)


def near_only(row: planted.Row) -> str:
    """See a relation where the boxes are near each other, and answer wrongly where they are not."""
    traits = measure([Item(row, {"question": planted.question(row)})])[0][1]
    right = traits.numbers["gap between the boxes"] < 0.2
    return planted.knows(row) if right else next(each for each in row["choices"] if each != row["answer"])


def test_a_trend_is_said_where_it_is_sure() -> None:
    def said_of(model: planted.Model) -> list[str]:
        asked = [row for row in rows() if row["task"] == "relation"]
        return trends(axes(measure([Item(row, _prediction(row, model(row))) for row in asked])))

    (note,) = said_of(near_only)
    assert re.fullmatch(r"gap between the boxes 0\.0\d+–0\.\d+: 100\.0% right; 0\.\d+–0\.\d+: 0\.0%", note)
    assert said_of(planted.dice) == said_of(planted.knows) == []

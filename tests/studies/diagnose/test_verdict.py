"""The diagnosis names the faults of planted models, and finds none where there are none."""

import re

from pgt_lora.studies.diagnose.verdict import CANNOT_SAY, NOT_SEEN, ONLY_BLIND, ONLY_FIXED, ONLY_SILENT, SEES, UNDECIDED
from tests.support import planted
from tests.support.diagnoses import answered, kinds, rows, said, verdicts


def test_the_first_option_is_named() -> None:
    assert set(kinds(planted.first_option).values()) == {ONLY_FIXED}
    told = said(planted.first_option)
    assert told.startswith("Always gives the same answer, whatever is shown: ")
    assert "the first option (absolute_position, analogy, distance, relation)" in told
    assert "0 or the first option (counting)" in told  # without options, the least number
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
        # Among ten numbers one guesses worse than among three letters, and depends on nothing for that.
        assert untested == ([("A", "B"), ("A", "C")] if skill.task == "counting" else [])
    assert not any(each.habits for each in verdicts(planted.dice).values())


def test_few_items_are_no_ground_for_a_verdict() -> None:
    few = [row for row in rows() if int(row["group"][-5:-1]) < 3]
    assert {verdict.kind for verdict in verdicts(planted.dice, few).values()} <= {UNDECIDED, NOT_SEEN}
    assert verdicts(planted.dice, few)["relation"].kind == UNDECIDED
    assert verdicts(planted.question_alone, few)["relation"].kind == UNDECIDED


def test_what_is_seen_and_not_said_in_every_wording_is_told_apart() -> None:
    found = verdicts(planted.one_template)
    assert {task for task, verdict in found.items() if verdict.kind == CANNOT_SAY} == {
        "analogy", "coordinates", "counting", "relation",
    }  # fmt: skip
    told = " ".join(found["relation"].habits)
    assert re.search(r"depends on the wording: of 120 images, A alone gets \d\d right, B alone 0 ", told)
    assert "Sees more than it says: analogy, coordinates, counting, relation." in said(planted.one_template)


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
    # All but one are true: whoever says so of all is as good as a model that sees.
    false, true = ([row for row in asked if row["answer"] == answer] for answer in ("False", "True"))
    assert verdicts(planted.knows, [*true, false[0]])["relation"].kind == UNDECIDED

"""A text-only classifier scores at chance, and no answer is likelier than another."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from pgt_lora.core.streams import stream
from pgt_lora.data.generate import make_sample
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import Question, TaskSettings
from tests.support.discovered import TASKS

NUM_QUESTIONS = 8000
SETTINGS = TaskSettings(Canvas(112, 112))
MAX_SIGMA = 3.5
MIN_P = 1e-4
BIN = 9  # hundredths: coordinates run from 10 to 90, which is nine bins


def plan(task: str, index: int) -> Question:
    """Return the question of sample `index`: `make_sample` draws the task first, from the same stream."""
    rng = stream(7, "pgt", "train", index)
    rng.choices([task], [1.0])
    return TASKS[task].plan(rng, SETTINGS)


@cache
def questions(task: str) -> tuple[Question, ...]:
    return tuple(plan(task, index) for index in range(NUM_QUESTIONS))


def features(text: str) -> list[str]:
    """Return words, neighboring words, words at their place from both ends, and how the numbers are ordered."""
    words = re.findall(r"\w+", text)
    numbers = [int(number) for number in re.findall(r"(?:\)|[ABC]\.) (\d+)", text)]
    ranks = [sorted(numbers).index(number) for number in numbers]
    placed = [f"{word}@{place - end}" for end in (0, len(words)) for place, word in enumerate(words)]
    return [*words, *map("_".join, pairwise(words)), *placed, f"ranks={ranks}"]


def train(texts: Sequence[str], answers: Sequence[str]) -> Pipeline:
    reader = LogisticRegression(C=0.1, max_iter=1000)
    return make_pipeline(CountVectorizer(analyzer=features, binary=True), reader).fit(texts, answers)


def excess(asked: Sequence[Question]) -> float:
    """Train a reader on half of the questions; return by how many sigma it beats chance on the other half."""
    half = len(asked) // 2
    reader = train([question.text for question in asked[:half]], [question.answer for question in asked[:half]])
    guesses = reader.predict_proba([question.text for question in asked[half:]])
    hits, chances = 0, []
    for question, guess in zip(asked[half:], guesses, strict=True):
        likely, possible = dict(zip(reader.classes_, guess, strict=True)), question.choices or ()
        hits += question.answer == max(possible, key=lambda choice: likely.get(choice, 0.0))
        chances.append(1 / len(possible))
    return sigmas(hits, chances)


def sigmas(hits: int, chances: Sequence[float]) -> float:
    variance = sum(chance * (1 - chance) for chance in chances)
    return float((hits - sum(chances)) / variance**0.5)


def coordinate_bins(asked: Sequence[Question], axis: int) -> list[str]:
    return [str((round(100 * float(re.findall(r"[\d.]+", q.answer)[axis])) - 10) // BIN) for q in asked]


def finite() -> list[str]:
    return [name for name in TASKS if questions(name)[0].choices]


def test_tasks_are_found() -> None:
    assert len(TASKS) >= 6
    assert len(finite()) >= 5


@pytest.mark.parametrize("task", TASKS)
def test_the_plan_is_what_is_asked(task: str) -> None:
    for index in range(100):
        sample, _ = make_sample(index, seed=7, split="train", weights={task: 1.0}, settings=SETTINGS)
        planned = questions(task)[index]
        assert (sample.question, sample.answer) == (planned.text, planned.answer)
        assert (sample.template, sample.choices) == (planned.template, planned.choices)


@pytest.mark.parametrize("task", finite())
def test_a_reader_scores_at_chance(task: str) -> None:
    assert all(question.answer in (question.choices or ()) for question in questions(task))
    assert abs(excess(questions(task))) < MAX_SIGMA


@pytest.mark.parametrize("axis", [0, 1])
def test_a_reader_cannot_tell_coordinates(axis: int) -> None:
    asked, half = questions("coordinates"), NUM_QUESTIONS // 2
    bins = coordinate_bins(asked, axis)
    guesses = train([q.text for q in asked[:half]], bins[:half]).predict([q.text for q in asked[half:]])
    assert len(set(bins)) == 9
    assert abs(sigmas(int((guesses == np.array(bins[half:])).sum()), [1 / 9] * len(guesses))) < MAX_SIGMA


def in_the_middle(number: int, rng: Random) -> list[int]:
    return [number - 1, number, number + 1]


def around(number: int, rng: Random) -> list[int]:
    return rng.sample([number - 1, number, number + 1], 3)


@pytest.mark.parametrize("leak", [in_the_middle, around])
def test_a_reader_finds_a_leak(leak: Callable[[int, Random], list[int]]) -> None:
    rng = Random(0)
    assert excess([leaky(rng, leak) for _ in range(NUM_QUESTIONS)]) > 20


def leaky(rng: Random, leak: Callable[[int, Random], list[int]]) -> Question:
    number, text = rng.randint(2, 8), "How many red overlay circles are there?"
    if rng.random() < 0.5:
        return Question(text, str(number), "A", "number", tuple("2345678"))
    options = leak(number, rng)
    text += " (A) {} (B) {} (C) {}".format(*options)
    return Question(text, "ABC"[options.index(number)], "B", "letter", ("A", "B", "C"))


def evenness(values: Sequence[object], number: int) -> float:
    """Return the probability of counts as uneven as these, were all `number` values equally likely."""
    counts = sorted(Counter(values).values())
    assert len(counts) == number
    return float(chisquare(counts).pvalue) if number > 1 else 1.0


def independence(first: Sequence[object], second: Sequence[object]) -> float:
    """Return the probability of a table as lopsided as this one, were the two unrelated."""
    pairs = Counter(zip(first, second, strict=True))
    table = [[pairs[a, b] for b in sorted(set(second), key=str)] for a in sorted(set(first), key=str)]
    return float(chi2_contingency(table).pvalue) if min(len(table), len(table[0])) > 1 else 1.0


MEANINGS = {"absolute_position": 9, "relation": 4, "counting": SETTINGS.max_count + 1, "distance": 4, "analogy": 4}
NUM_TEMPLATES = {"relation": 3, "counting": 3, "coordinates": 2}
# Where an instruction says how the options are to be answered, a question is never without it.
BARE = {"relation": "A", "counting": "A", "distance": "A", "analogy": "A"}


@pytest.mark.parametrize("task", TASKS)
def test_templates_and_meanings_are_equally_likely(task: str) -> None:
    asked = questions(task)
    templates = [question.template.split()[0] for question in asked]
    assert evenness(templates, NUM_TEMPLATES.get(task, len(set(templates)))) > MIN_P
    if task in MEANINGS:
        assert evenness([question.about["answer"] for question in asked], MEANINGS[task]) > MIN_P
        assert independence(templates, [question.about["answer"] for question in asked]) > MIN_P
    both = [question for question in asked if question.template.split()[0] in BARE.get(task, "")]
    bare = ["bare" in question.template for question in both]
    assert any(bare) == (task in BARE)
    assert sum("bare" in template for template in (question.template for question in asked)) == sum(bare)
    if both:
        assert evenness(bare, 2) > MIN_P
        assert independence(bare, [question.about["answer"] for question in both]) > MIN_P


@pytest.mark.parametrize("axis", [0, 1])
def test_coordinates_are_equally_likely(axis: int) -> None:
    asked = questions("coordinates")
    bins = coordinate_bins(asked, axis)
    assert evenness(bins, 9) > MIN_P
    written = [question.about["answer"].strip("()").split(", ")[axis] for question in asked]
    assert evenness(written, 81) > MIN_P
    assert independence([question.about["color"] for question in asked], bins) > MIN_P


@pytest.mark.parametrize("task", finite())
def test_every_choice_is_equally_likely(task: str) -> None:
    by_choices: dict[tuple[str, tuple[str, ...]], list[Question]] = {}
    for question in questions(task):
        by_choices.setdefault((question.template, tuple(sorted(question.choices or ()))), []).append(question)
    for (_, options), asked in by_choices.items():
        assert evenness([question.answer for question in asked], len(options)) > MIN_P
        shown = [(question.choices or ()).index(question.answer) for question in asked]
        assert evenness(shown, len(options)) > MIN_P
        for name in asked[0].about.keys() - {"answer"}:
            values = [question.about[name] for question in asked]
            assert independence(values, [question.answer for question in asked]) > MIN_P
            assert independence(values, shown) > MIN_P


def test_true_and_false_say_nothing_about_the_relation() -> None:
    asked = [question for question in questions("relation") if question.template.startswith("B")]
    stated = [re.findall(r"above|below|left|right", question.text)[0] for question in asked]
    assert evenness(stated, 4) > MIN_P
    assert independence(stated, [question.answer for question in asked]) > MIN_P

"""No benchmark is asked in the words of a training template."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import product
from random import Random

import pytest

from pgt_lora.data.sources.source import Row, SourceSettings
from pgt_lora.data.tasks.task import Question, TaskSettings
from pgt_lora.studies.benchmarks.catalog import BENCHMARKS
from pgt_lora.studies.benchmarks.paper_forms import FORMS
from pgt_lora.studies.benchmarks.scores import read_items
from pgt_lora.studies.benchmarks.sets import SOURCES as OWN
from tests.support.discovered import SOURCES, TASKS
from tests.support.recorded_logs import LOGS

NUM_DRAWS = 40
CAPTIONS = ("The cat is on the mat.", "A horse stands behind two people.", "Oranges lie beside a blue bowl.")


def sentences(text: str) -> list[str]:
    """The sentences and lines of a prompt without numbers, quotation marks, case and spaces."""
    plain = re.sub(r"\d+", "#", re.sub(r"[\"“”*]", "", text.lower()))
    return [" ".join(each.split()) for each in re.split(r"(?<=[.?!])\s+|\n+", plain) if re.search(r"\w{2}", each)]


def fixed(texts: Iterable[str]) -> frozenset[str]:
    """What of several questions in one template is the same in all: without the full stop, which templates may lack."""
    return frozenset.intersection(*(frozenset(each.rstrip(" .?!") for each in sentences(text)) for text in texts))


def rows() -> list[Row]:
    listed = (("red bowl", "old lamp"), ("a dog", "two cats"), ("left of it", "above"))
    each = enumerate(zip(CAPTIONS, listed, strict=True))
    return [Row(f"r{n}", caption, "True", (), f"g{n}", "kind", options) for n, (caption, options) in each]


def asked(source: object, name: str) -> list[Question]:
    """A few questions as a source words them, with answers that fit it."""
    answers = {
        "tallyqa": "3",
        "whatsup": None,
        "spatialladder": "A.",
        "ai2d": "A",
        "cv-bench-2d": "B",
        "cv-bench-3d": "A",
    }
    found = []
    for row, seed in product(rows(), range(8)):
        answer = answers.get(name, row.answer)
        options = tuple(f"{letter}. {each}" for letter, each in zip("AB", row.options or (), strict=True))
        fitting = Row(
            row.id, row.question, (row.options or ("",))[0] if answer is None else answer, (), row.group, row.kind,
            options if name == "spatialladder" else row.options,
        )  # fmt: skip
        found.append(source.ask(Random(seed), fitting))  # type: ignore[attr-defined]
    return found


def trained() -> dict[str, frozenset[str]]:
    """The fixed words of every template of every task and of every source of the mix; none where all words vary."""
    texts: dict[str, list[str]] = defaultdict(list)
    for name, task in TASKS.items():
        rng = Random(0)
        for _ in range(NUM_DRAWS):
            question = task.plan(rng, TaskSettings())
            texts[f"{name} {question.template}"].append(question.text)
    for name, source in SOURCES.items():
        if source.in_default_mix:
            for question in asked(source, name):
                texts[f"{name} {question.template}"].append(question.text)
    return {name: words for name, each in texts.items() if (words := fixed(each))}


def benchmark_questions() -> Mapping[str, list[str]]:
    """Every benchmark's questions: in this kit's words, in the paper's, and as lmms-eval logged them."""
    found = {f"own {name}": [each.text for each in asked(source, name)] for name, source in OWN.items()}
    found |= {f"paper {name}": [each.text for each in asked(form.source, name)] for name, form in FORMS.items()}
    for name, benchmark in BENCHMARKS.items():
        found[f"lmms-eval {name}"] = [item.question for item in read_items(benchmark, LOGS)]
    return found


def test_no_benchmark_is_asked_in_a_training_template() -> None:
    templates, benchmarks = trained(), benchmark_questions()
    assert templates["relation B"] == {
        "based on the image, is this statement true or false",
        "answer with true or false directly",
    }
    assert {"counting A", "vsr A", "tallyqa A"} <= set(templates) and len(templates) >= 6
    assert len(benchmarks) == len(OWN) + len(FORMS) + len(BENCHMARKS)
    for (test, texts), (template, words) in product(benchmarks.items(), templates.items()):
        # CV-Bench's relation questions are what PGT's template C was made after; lmms-eval puts a note before them.
        same = words == fixed(texts) if test.startswith("lmms-eval") else words <= fixed(texts)
        assert not same, f"{test} is asked as {template}: {texts[0]}"


@pytest.mark.parametrize("name", ["vsr", "tallyqa"])
def test_the_words_of_the_mix_would_be_found(name: str) -> None:
    texts = [each.text for each in asked(SOURCES[name], name) if each.template == "A"]
    assert any(words <= fixed(texts) for template, words in trained().items() if not template.startswith(name))


def test_the_paper_asks_vsr_zero_shot_and_tallyqa_up_to_fifteen() -> None:
    assert FORMS["vsr"].source.origin(SourceSettings(vsr_split="zeroshot")) == "cambridgeltl/vsr_zeroshot"
    assert {each.answer for each in asked(FORMS["tallyqa"].source, "tallyqa")} == {"D"}  # for 3

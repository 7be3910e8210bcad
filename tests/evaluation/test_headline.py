"""The sentence on top of a report, by its stated rules."""

from pathlib import Path

import pytest

from pgt_lora.evaluation.headline import headline
from pgt_lora.evaluation.paired import contrasts, read_items, read_result
from tests.support.scored_runs import questions, scored


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return questions(tmp_path_factory.mktemp("headline") / "pgt")


def sentence(data: Path, where: Path, *sets: tuple[dict[str, float], dict[str, float]]) -> str:
    results = []
    for number, (before, after) in enumerate(sets):
        scored(where / f"{number}-before", data, before)
        scored(where / f"{number}-after", data, after, 1)
        paths = {"base": [where / f"{number}-before"], "tuned": [where / f"{number}-after"]}
        results.append(read_result(read_items(f"set {number}", data), paths))
    return headline("Fine-tuning", "tuned", results, contrasts(results, ["base", "tuned"]))


def test_every_rule(data: Path, tmp_path: Path) -> None:
    weak, strong = {"relation": 0.0, "distance": 0.0}, {"relation": 1.0, "distance": 1.0}
    assert sentence(data, tmp_path / "a", (weak, strong)) == "Fine-tuning taught distance and relation."
    assert sentence(data, tmp_path / "b", (weak, weak | {"relation": 1.0})) == (
        "Fine-tuning taught relation; distance is not above chance."
    )
    assert sentence(data, tmp_path / "c", (strong, weak | {"relation": 1.0})) == (
        "Fine-tuning taught none of the tasks; distance lost; relation changed by no more than noise."
    )
    assert sentence(data, tmp_path / "d", (weak, strong), (strong, weak), (strong, strong)) == (
        "Fine-tuning taught distance and relation; the mean of “set 1” lost 100.0 points, with distance and relation "
        "lost; the mean of “set 2” changed by no more than noise."
    )


def test_up_to_chance_is_no_gain_and_no_noise(data: Path, tmp_path: Path) -> None:
    weak, strong = {"relation": 0.0, "distance": 0.0}, {"relation": 1.0, "distance": 1.0}
    some = {"relation": 0.4, "distance": 0.2}
    assert sentence(data, tmp_path, (weak, strong), (weak, some)).endswith("the mean of “set 1” is not above chance.")


def test_a_task_that_is_lost_is_told_though_the_mean_is_not(data: Path, tmp_path: Path) -> None:
    before, after = {"relation": 0.0, "distance": 1.0}, {"relation": 1.0, "distance": 0.0}
    assert sentence(data, tmp_path, (before, before), (before, after)).endswith(
        "the mean of “set 1” changed by no more than noise, with distance lost."
    )

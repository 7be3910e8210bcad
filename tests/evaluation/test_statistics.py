import numpy as np
import pytest
from scipy import stats

from pgt_lora.evaluation.statistics import LEVEL, draws, holm, interval, mcnemar, p_values, task_means

Rng = np.random.Generator


def simulate(
    rng: Rng, *, seeds: int, tasks: int, items: int, cluster: int, seed_sd: float, gain: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the differences of two arms' right answers, the tasks and the image groups of a made-up comparison.

    Items differ in difficulty, images share difficulty, each arm likes other images, and each seed shifts an arm's
    accuracy on a task by `seed_sd`; one arm is better by `gain`.
    """
    task = np.repeat(np.arange(tasks), items)
    group = np.arange(len(task)) // cluster
    difficulty = rng.normal(size=len(task)) + rng.normal(size=len(task))[group]

    def arm(shift: float) -> np.ndarray:
        taste = rng.normal(0, 0.5, len(task))[group]
        chance = 1 / (1 + np.exp(-difficulty - taste)) + (shift + rng.normal(0, seed_sd, (seeds, tasks)))[:, task]
        return (rng.random(chance.shape) < chance).astype(float)

    return arm(gain) - arm(0.0), task, group


def found(rng: Rng, num_draws: int = 1000, **setup: float) -> bool:
    """Tell whether a made-up comparison finds any difference."""
    values, task, group = simulate(rng, **setup)
    return min(holm(p_values(draws(values, task, group, (-1, 1), num_draws)).tolist())) <= LEVEL


# Made-up comparisons without a difference; and the least and the most of 400 that may find one. A rate of 5% in 400
# comparisons has a standard deviation of 1.1%.
WITHOUT_A_DIFFERENCE = [
    ({"seeds": 1, "tasks": 4, "items": 150, "cluster": 1, "seed_sd": 0.0}, 0.02, 0.085),
    ({"seeds": 1, "tasks": 4, "items": 150, "cluster": 5, "seed_sd": 0.0}, 0.02, 0.085),
    ({"seeds": 1, "tasks": 3, "items": 10, "cluster": 1, "seed_sd": 0.0}, 0.0, 0.085),
    ({"seeds": 2, "tasks": 1, "items": 600, "cluster": 3, "seed_sd": 0.05}, 0.0, 0.085),
    ({"seeds": 3, "tasks": 1, "items": 600, "cluster": 3, "seed_sd": 0.05}, 0.02, 0.085),
    ({"seeds": 3, "tasks": 4, "items": 150, "cluster": 3, "seed_sd": 0.05}, 0.0, 0.085),
    ({"seeds": 5, "tasks": 4, "items": 150, "cluster": 3, "seed_sd": 0.05}, 0.0, 0.085),
]


@pytest.mark.slow
@pytest.mark.parametrize(("setup", "least", "most"), WITHOUT_A_DIFFERENCE)
def test_without_a_difference_findings_are_as_rare_as_stated(setup: dict, least: float, most: float) -> None:
    rng = np.random.default_rng(1)
    rate = np.mean([found(rng, **setup) for _ in range(400)])
    assert least <= rate <= most


@pytest.mark.parametrize("setup", [setup for setup, _, _ in WITHOUT_A_DIFFERENCE])
def test_without_a_difference_findings_are_rare(setup: dict) -> None:
    rng = np.random.default_rng(1)
    # A rate of 5% in 60 comparisons has a standard deviation of 2.8%; this is three of them more.
    assert np.mean([found(rng, **setup) for _ in range(60)]) <= 0.135


def share_found(seeds: int, seed_sd: float, number: int) -> float:
    rng = np.random.default_rng(2)
    setup = {"seeds": seeds, "tasks": 1, "items": 2000, "cluster": 1, "seed_sd": seed_sd, "gain": 0.05}
    return float(np.mean([found(rng, **setup) for _ in range(number)]))


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.0), (5, 0.005)])
def test_five_points_on_two_thousand_items_are_found(seeds: int, seed_sd: float) -> None:
    assert share_found(seeds, seed_sd, 40) >= 0.9


@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.0), (5, 0.005)])
def test_five_points_are_mostly_found(seeds: int, seed_sd: float) -> None:
    assert share_found(seeds, seed_sd, 10) >= 0.9


def half_width(values: np.ndarray, task: np.ndarray, group: np.ndarray) -> float:
    low, high = interval(draws(values, task, group, (-1, 1)))
    return float(high[0] - low[0]) / 2


def test_items_of_one_image_count_as_one() -> None:
    values = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], (1, 300))
    once = half_width(values, np.zeros(300, int), np.arange(300))
    four_times = half_width(np.repeat(values, 4, 1), np.zeros(1200, int), np.repeat(np.arange(300), 4))
    apart = half_width(np.repeat(values, 4, 1), np.zeros(1200, int), np.arange(1200))
    assert four_times == pytest.approx(once, rel=0.05)
    assert apart == pytest.approx(once / 2, rel=0.05)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_where_only_the_seeds_scatter_the_interval_is_students(seeds: int) -> None:
    rng = np.random.default_rng(4)
    by_seed = 0.1 + 0.01 * rng.normal(size=(seeds, 1))
    values = np.repeat(by_seed, 20_000, 1)  # every item differs alike, as shares may
    expected = stats.t.ppf(0.975, seeds - 1) * by_seed.std(ddof=1) / seeds**0.5
    assert half_width(values, np.zeros(20_000, int), np.arange(20_000) // 100) == pytest.approx(expected, rel=0.06)


def test_the_mean_weighs_the_tasks_alike_and_its_draws_are_those_of_the_tasks() -> None:
    values = np.array([[1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, -1.0]])
    task, group = np.array([0, 0, 0, 1]), np.arange(4)
    assert task_means(values, task) == pytest.approx(np.array([[2 / 3, 1, 5 / 6], [2 / 3, -1, -1 / 6]]))
    assert task_means(values, np.zeros(4, int)).shape == (2, 1)
    assert draws(values[:1], task, group, (-1, 1), 100).shape == (100, 3)


# Accuracies of the tasks, and items of each: near 1, near 0, of few items, and at both ends.
COVERED = [([0.97] * 8, 100), ([0.0, 0.0, 0.24, 0.0, 0.32], 200), ([0.3] * 5, 20), ([0.05, 0.3, 0.6, 0.9, 0.99], 50)]


@pytest.mark.parametrize(("accuracies", "items"), COVERED)
def test_the_interval_of_a_mean_over_tasks_misses_as_seldom_on_either_side(accuracies: list, items: int) -> None:
    rng, task = np.random.default_rng(6), np.repeat(np.arange(len(accuracies)), items)
    below, above = 0, 0
    for _ in range(150):
        right = (rng.random(len(task)) < np.repeat(accuracies, items)).astype(float)[None]
        low, high = interval(draws(right, task, np.arange(len(task)), (0, 1), 500))
        below += high[-1] < np.mean(accuracies)
        above += low[-1] > np.mean(accuracies)
    assert max(below, above) / 150 <= 0.065  # 2.5% on each side have a standard deviation of 1.3%


def test_the_weights_of_a_mean_can_be_given() -> None:
    values, task = np.array([[1.0] * 300 + [0.0] * 300]), np.repeat([0, 1], 300)
    drawn = draws(values, task, np.arange(600), (0, 1), 1000, np.array([0.9, 0.1]))
    assert drawn[:, 2].mean() == pytest.approx(0.9, abs=0.01)
    assert drawn[:, 2].std() < 0.01


def test_the_draws_are_the_same_every_time() -> None:
    values, task, group = simulate(np.random.default_rng(5), seeds=2, tasks=2, items=20, cluster=2, seed_sd=0.1)
    assert (draws(values, task, group, (-1, 1)) == draws(values, task, group, (-1, 1))).all()


def test_few_items_that_all_agree_are_not_certain() -> None:
    drawn = draws(np.ones((1, 3)), np.zeros(3, int), np.arange(3), (-1, 1))
    assert p_values(drawn)[0] > LEVEL
    assert interval(drawn)[0][0] < 0
    same = draws(np.zeros((1, 100)), np.zeros(100, int), np.arange(100), (-1, 1))
    assert p_values(same)[0] > 0.9


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (1, 0), (5, 0), (3, 9), (10, 10), (40, 21), (2600, 2400)])
def test_mcnemar_is_the_binomial_test(won: int, lost: int) -> None:
    expected = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert mcnemar(won, lost) == pytest.approx(expected)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []

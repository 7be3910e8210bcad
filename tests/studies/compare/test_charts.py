"""The charts, on made-up answers."""

from pathlib import Path

from pgt_lora.studies.compare.charts import won_and_lost
from pgt_lora.studies.diagnose.confusion import confusion
from tests.support.comparisons import made_up


def test_confusion_counts_every_answer(held_out_dir: Path) -> None:
    result = made_up(held_out_dir, {"mine": 0.9}, seeds=2)
    for index, task in enumerate(result.items.tasks):
        for matrix in confusion(result, task):
            num_seeds = len(result.predictions[matrix.arm])
            right = sum(
                count
                for row, counts in zip(matrix.rows, matrix.counts, strict=True)
                for column, count in zip(matrix.columns, counts, strict=True)
                if row == column
            )
            of_task = result.items.task == index
            assert sum(map(sum, matrix.counts)) == num_seeds * of_task.sum()
            assert right == result.right(matrix.arm)[:, of_task].sum()  # made-up answers are right or none
    (points,) = (task for task in result.items.tasks if task == "coordinates")
    assert confusion(result, points)[0].rows[:2] == ("top left", "top center")


def test_items_won_and_lost_are_those(held_out_dir: Path) -> None:
    result = made_up(held_out_dir, {"mine": 0.9}, seeds=2)
    for side, winner in zip(won_and_lost(result, "mine", "base"), ("arm", "reference"), strict=True):
        assert {example.task for example in side} == {"coordinates", "relation"}
        for example in side:
            outputs = {"arm": example.arm_output, "reference": example.reference_output}
            assert outputs.pop(winner) == example.expected
            assert outputs.popitem()[1] == "?"

"""Attention points to what is named, and grounding to where it lies."""

from math import exp
from pathlib import Path

import pytest
import torch

from pgt_lora.data.scene import Box, Canvas, Circle
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.tiny import pointing
from pgt_lora.tiny.grounding import CLASSES, KINDS, targets
from pgt_lora.tiny.picture import Picture, Thing
from pgt_lora.tiny.skills import skill_samples
from tests.support.checkpoints import checkpoint
from tests.support.discovered import small_processor

CANVAS = Canvas(112, 112)


def test_names_point_to_what_they_name() -> None:
    circles = (Circle("red", 40, 90, 12, 1.0, "C"), Circle("red", 8, 8, 6, 1.0, "A"))
    things = (Thing("fish", Box("blue", 90, 90, 109, 109)),)
    found = torch.from_numpy(pointing.cells(Picture(CANVAS, (), circles, things)))
    red, letter, fish = (found[pointing.NAMES.index(name)] for name in ("red", "C", "fish"))
    assert red.nonzero().flatten().tolist() == [0, 5 * 7 + 2]
    assert letter.nonzero().flatten().tolist() == [5 * 7 + 2]
    assert fish.nonzero().flatten().tolist() == [6 * 7 + 6]
    assert found.sum() == 6
    tokenizer = small_processor("qwen2_5_vl").tokenizer
    names = pointing.token_names(tokenizer)[tokenizer("red fish, the letter C and (C) blue").input_ids]
    assert [pointing.NAMES[i] for i in names if i >= 0] == ["red", "fish", "C", "blue"]  # an option's letter is none
    assert set(pointing.token_names(tokenizer).tolist()) == {-1, *range(len(pointing.NAMES))}


def test_letters_point_to_their_like_and_to_their_neighbors() -> None:
    circles = (
        Circle("red", 8, 8, 6, 1.0, "A"), Circle("blue", 40, 8, 6, 1.0, "B"), Circle("red", 104, 104, 6, 1.0, "C"),
    )  # fmt: skip
    alike, near = pointing.companions(Picture(CANVAS, (), circles))["A"]
    assert alike.nonzero()[0].tolist() == [48]
    assert near.sum() == pytest.approx(1)
    assert near[2] / near[48] == pytest.approx(exp((96 * 2**0.5 - 32) / 112 / pointing.NEARNESS), rel=1e-3)
    assert pointing.companions(Picture(CANVAS, (), circles))["B"][0].sum() == 0


def test_pointing_is_learnt_when_attention_lies_where_it_should() -> None:
    circles = (Circle("red", 8, 8, 6, 1.0, "A"), Circle("red", 104, 8, 6, 1.0, "B"))
    names = torch.tensor([-1, *(pointing.NAMES.index(name) for name in ("red", "green", "A"))])
    ids = torch.tensor([50 * [0] + [1, 2, 3]])  # an image after one token, then "red", "green" and "A"
    asked = pointing.pointing_targets(ids, 50, [Picture(CANVAS, (), circles)], names)
    first, second = torch.zeros(2, 1, 4, 53, 53)
    first[0, 1, 50, [0, 1, 7]] = torch.tensor([4.0, 1.0, 1.0]) / 6  # two objects, and the resting place
    first[0, 1, 51, 0] = 1.0  # there is no green one
    first[0, 0, 52, 1] = 1.0
    first[0, 1, 52, [0, 1]] = torch.tensor([4.0, 1.0]) / 5
    second[0, 0, 52, [0, 7]] = torch.tensor([1.0, 2.0]) / 3  # the other red one, and the resting place
    second[0, 2, 52, 7] = 1.0
    assert [float(loss) for loss in pointing.pointing_losses(first, second, 1, asked)] == pytest.approx(
        [0] * 4, abs=1e-3
    )
    for attention, rows, heads in ((first, [51, 52], [0, 1]), (second, [52], [0, 2])):
        for row in rows:
            attention[0, heads, row] = 1 / 53
    assert all(float(loss) > 0.5 for loss in pointing.pointing_losses(first, second, 1, asked))


def test_a_batch_without_letters_has_nothing_to_point_to() -> None:
    picture = Picture(CANVAS, (), (Circle("red", 8, 8, 6, 1.0),))
    asked = pointing.pointing_targets(torch.zeros(1, 53, dtype=torch.long), 50, [picture], torch.tensor([-1]))
    attention = torch.full((1, 4, 53, 53), 1 / 53)
    assert all(float(loss) == 0 for loss in pointing.pointing_losses(attention, attention, 1, asked))


def test_the_attention_of_pretraining_is_the_models_own(base_dir: Path) -> None:
    model, encoder = load_for_evaluation(checkpoint(base_dir))
    rows = [sample.to_row() for sample in skill_samples(2)]
    batch = encoder.training_batch(rows)
    batch.pop("labels"), batch.pop("attention_mask")
    with torch.no_grad():
        usual = model(**batch).logits
        model.set_attn_implementation("pointing")
        torch.testing.assert_close(model(**batch).logits, usual, rtol=1e-4, atol=1e-4)


def test_grounding_marks_the_token_that_holds_the_center() -> None:
    things = (Thing("fish", Box("blue", 90, 90, 109, 109)),)
    found = targets([Picture(CANVAS, (), (Circle("red", 40, 90, 12, 1.0, "C"),), things)])
    cell = 5 * 7 + 2  # row 90 // 16, column 40 // 16
    assert found["kind"][0, cell] == KINDS.index("C")
    assert found["kind"][0, 48] == KINDS.index("fish")
    assert (found["kind"] > 0).sum() == 2
    assert found["color"][0, cell] == list(COLORS).index("red")
    assert (found["x_tens"][0, cell], found["x_ones"][0, cell]) == (3, 6)  # 40 / 112 is 36 per cent
    assert (found["x_part"][0, cell], found["y_part"][0, cell]) == (2, 2)
    assert (found["row"][0, cell], found["column"][0, cell]) == (5, 2)
    assert all(int(found[name].max()) < size for name, size in CLASSES.items())

"""Attention points to what is named, and grounding to where it lies."""

from pathlib import Path

import pytest
import torch

from pgt_lora.data.scene import Canvas, Circle, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.tiny import pointing
from pgt_lora.tiny.grounding import CLASSES, KINDS, targets
from pgt_lora.tiny.skills import skill_samples
from tests.support.checkpoints import checkpoint
from tests.support.discovered import small_processor


def test_names_point_to_what_they_name() -> None:
    circles = (Circle("red", 40, 90, 12, 1.0, "C"), Circle("red", 8, 8, 6, 1.0, "A"))
    found = pointing.cells([Scene(Canvas(112, 112), (), circles)])
    red, letter = (found[0, pointing.NAMES.index(name)] for name in ("red", "C"))
    assert red.nonzero().flatten().tolist() == [0, 5 * 7 + 2]
    assert letter.nonzero().flatten().tolist() == [5 * 7 + 2]
    assert found.sum() == 4
    tokenizer = small_processor("qwen2_5_vl").tokenizer
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
    model, encoder = load_for_evaluation(checkpoint(base_dir))
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

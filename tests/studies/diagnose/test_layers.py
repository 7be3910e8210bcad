"""Layer-wise probes: what is planted is found where it is planted, and nothing elsewhere."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Canvas, Scene
from pgt_lora.data.scene.primitives import Region
from pgt_lora.data.split import cell_of
from pgt_lora.data.turns import question
from pgt_lora.studies.diagnose.layers.problems import Split, problems_of
from pgt_lora.studies.diagnose.layers.report import layer_chart
from pgt_lora.studies.diagnose.layers.sites import (
    Asked,
    Site,
    areas_of,
    parse_layers,
    parse_sites,
    tokens_after_question,
)
from pgt_lora.studies.diagnose.layers.standing import Standing, verdicts
from pgt_lora.studies.diagnose.layers.states import capture, points
from tests.support.diagnoses import rows
from tests.support.discovered import CASE_NAMES, CASES, FAMILIES, small_processor
from tests.support.probed import plant, probes_of, subject


def standing(probes: Any, site: Site) -> dict[str, bool]:
    return {each.point: each.stands for each in probes.figures if each.site == site}


def test_what_is_added_to_a_layer_is_found_there_and_not_before() -> None:
    model, encoder = subject()
    with plant(model, encoder, "3"):
        probes = probes_of(model, encoder, "0,2,3", [Site.QUESTION, Site.ANSWER])
    for site in (Site.QUESTION, Site.ANSWER):
        assert standing(probes, site) == {"0": False, "2": False, "3": True}
    for each in probes.figures:
        assert each.shuffled.low < each.chance
        assert each.swapped.low < each.chance
    (verdict,) = verdicts(probes)
    assert verdict.standing == Standing.NOT_SAID
    assert "behind layer 3" in verdict.words
    assert not verdict.notes
    assert "planted, 3: 100.0%" in layer_chart(probes, "relation", "A", Site.ANSWER)


@pytest.mark.slow
def test_a_random_model_is_at_chance_at_every_layer_with_both_controls() -> None:
    probes = probes_of(*subject(), "0,5", list(Site))
    assert {(each.site, each.point) for each in probes.figures} == {
        (site, point) for site in Site for point in points([0, 5], site, True)
    }
    for each in probes.figures:
        for found in (each.right, each.shuffled, each.swapped):
            assert found.low < each.chance, each
    (verdict,) = verdicts(probes)
    assert verdict.standing == Standing.NOWHERE


@pytest.mark.slow
def test_an_answer_that_stays_in_the_image_is_told_apart_from_one_that_the_projector_loses() -> None:
    model, encoder = subject()
    with plant(model, encoder, "5", of_image=True):
        probes = probes_of(model, encoder, "4,5", [Site.ANSWER, Site.IMAGE, Site.OBJECTS])
    assert standing(probes, Site.IMAGE) == {"tower": False, "projector": False, "4": False, "5": True}
    assert standing(probes, Site.OBJECTS)["5"]
    assert verdicts(probes)[0].standing == Standing.NOT_AT_ANSWER
    with torch.no_grad():
        model.get_submodule(encoder.family.projector).mlp[-1].weight.zero_()
    with plant(model, encoder, "tower"):
        probes = probes_of(model, encoder, "0", [Site.ANSWER, Site.IMAGE])
    assert standing(probes, Site.IMAGE) == {"tower": True, "projector": False, "0": False}
    assert verdicts(probes)[0].standing == Standing.NOT_BEHIND_PROJECTOR


@pytest.mark.parametrize("family", ["qwen2_5_vl", "llava_next"])
def test_padding_moves_nothing(family: str, tmp_path: Path) -> None:
    model, encoder = subject(family)
    asked = [row for row in rows() if row["task"] in ("relation", "absolute_position")][:8]
    assert len({len(question(row)) for row in asked}) > 3
    readings = [Asked(place, place, areas_of(row)) for place, row in enumerate(asked)]
    states = []
    for size in (1, 8):
        (inside := tmp_path / str(size)).mkdir()
        states.append(capture(model, encoder, asked, readings, [0, 1], list(Site), size, inside, ""))
    for site in Site:
        for point in points([0, 1], site, True):
            alone, together = (torch.tensor(each.read(site, point)) for each in states)
            torch.testing.assert_close(alone, together, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("family", "form"), CASES, ids=CASE_NAMES)
def test_the_last_token_of_the_question_is_found(family: str, form: str | None) -> None:
    from pgt_lora.models.encoding import Encoder

    encoder = Encoder(FAMILIES[family], small_processor(family, form))
    for row in rows()[:4]:
        ids = encoder.prompts([row])["input_ids"][0]
        end = len(ids) - tokens_after_question(encoder, row)
        decode = encoder.processor.tokenizer.decode
        assert decode(ids[:end]).rstrip().endswith(question(row)[-8:])
        assert question(row)[-8:] not in decode(ids[end:])
        assert not decode(ids[: end - 1]).endswith(question(row)[-8:])


def test_images_of_one_question_and_one_image_stay_together() -> None:
    for problem in problems_of(rows(), by_cell=False)[0]:
        folds = problem.folds[Split.IMAGE]
        of_image: dict[str, set[int]] = defaultdict(set)
        of_question: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for place, fold in zip(problem.rows.tolist(), folds.tolist(), strict=True):
            of_image[rows()[place]["group"]].add(fold)
            of_question[question(rows()[place])].add((rows()[place]["group"], fold))
        assert set(map(len, of_image.values())) == {1}
        few = [asked for asked in of_question.values() if len(asked) <= 4]
        assert all(len({fold for _, fold in asked}) == 1 for asked in few)
        assert few or problem.task != "relation"
        for fold in range(3):  # shuffling leaves every fold its answers
            inside = folds == fold
            assert sorted(problem.shuffled[Split.IMAGE][inside]) == sorted(problem.labels[inside])
        assert all(rows()[a]["group"] != rows()[b]["group"] for a, b in zip(problem.rows, problem.lent, strict=True))


def test_exhaustive_sets_are_also_divided_by_cell() -> None:
    asked = [row for row in rows() if row["task"] == "absolute_position"]
    (problem,), _ = problems_of(asked, by_cell=True)
    cells = problem.groups[Split.CELL]
    # An object of another size in the same cell has its middle half a pixel elsewhere.
    assert cells.tolist() == [str(cell_of(asked[place])) for place in problem.rows]
    assert 9 < len(set(cells)) < len(set(problem.images))
    assert all(len(set(problem.folds[Split.CELL][cells == cell])) == 1 for cell in set(cells))


def test_objects_lie_where_the_scene_says() -> None:
    row = next(row for row in rows(24) if row["task"] == "relation")
    scene = Scene.from_json(row["scene"])
    first = re.findall(r"the (\w+) box", question(row))[0]
    box = next(box for box in scene.boxes if box.color == first)
    assert areas_of(row)[0] == (box.left / 112, box.top / 112, (box.right + 1) / 112, (box.bottom + 1) / 112)
    photograph = Scene(Canvas(200, 100), regions=(Region("dog", 20.0, 10.0, 50.0, 40.0),)).to_json()
    asked = {"prompt": [{"content": "Where is the dog?"}], "scene": photograph, "task": "absolute_position"}
    assert areas_of(asked) == ((0.1, 0.1, 0.35, 0.5),)


def test_what_cannot_be_probed_is_said() -> None:
    problems, left_out = problems_of(rows(4), by_cell=False)
    assert not problems
    assert any("coordinates: its answers are no finite set" in line for line in left_out)
    assert sum(int(line.split()[2]) for line in left_out) == len(rows(4))


@pytest.mark.parametrize(
    ("text", "layers"), [("all", [0, 1, 2, 3, 4, 5]), ("every:4", [0, 4, 5]), ("0,3", [0, 3]), ("3,0", [0, 3])]
)
def test_layers_are_named(text: str, layers: list[int]) -> None:
    assert parse_layers(text, 6) == layers


@pytest.mark.parametrize("text", ["", "some", "every:0", "1,6", "1;2"])
def test_other_layers_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--layers"):
        parse_layers(text, 6)


def test_sites_are_named() -> None:
    assert parse_sites(None) == list(Site)
    assert parse_sites("image,answer") == [Site.ANSWER, Site.IMAGE]
    with pytest.raises(InputError, match="known: answer, image, objects, question"):
        parse_sites("answer,nowhere")

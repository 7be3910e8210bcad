"""A dataset directory divided in two: no group in both, and the strata of the whole in each."""

import random
from collections import Counter
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.streams import stream
from pgt_lora.data.digests import image_digests
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.exhaustive import generate_exhaustive
from pgt_lora.data.scene import Canvas
from pgt_lora.data.split import By, Stratify, cell_of, split, stratified
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.turns import IMAGE
from tests.support.conversations import asked, png, said, sample, write_conversations


@pytest.fixture(scope="module")
def positions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("positions") / "positions"
    generate_exhaustive(out, task="absolute_position", seed=0, split="train", settings=TaskSettings(Canvas(112, 112)))
    return out


@pytest.mark.slow
def test_the_paper_s_share_of_the_exhaustive_set_has_every_cell_alike(positions: Path, tmp_path: Path) -> None:
    train, test = split(positions, tmp_path / "a", 0.2, stratify=Stratify.CELL)
    kept, held_out = open_dataset(train), open_dataset(test)
    assert (len(kept), len(held_out)) == (1296, 324)
    assert set(Counter(map(cell_of, held_out)).values()) == {4}
    assert set(Counter(map(cell_of, kept)).values()) == {16}
    assert not set(kept["group"]) & set(held_out["group"])
    assert sorted([*kept["id"], *held_out["id"]]) == sorted(open_dataset(positions)["id"])
    asked = read_manifest(test)["asked"]
    assert (asked["share"], asked["stratify"], asked["part"]) == (0.2, "cell", "test")
    assert asked["of"] == read_manifest(positions)["content_hash"]


def test_no_cell_is_in_both_parts_where_cells_divide(positions: Path, tmp_path: Path) -> None:
    parts = split(positions, tmp_path / "a", 0.2, stratify=Stratify.ANSWER, by=By.CELL)
    kept, held_out = (set(map(cell_of, open_dataset(part))) for part in parts)
    assert not kept & held_out
    assert len(kept) + len(held_out) == 81
    answers = Counter(open_dataset(parts[1])["answer"])
    assert set(answers.values()) == {40}  # two of the nine cells of each area


def test_the_cell_of_a_conversation_is_that_of_its_last_question(positions: Path) -> None:
    for row in open_dataset(positions).select(range(9)):
        asked_before = [turn.to_message() for turn in (asked(IMAGE, "What is it?"), said("A square."))]
        later = [
            {"role": each["role"], "content": [{"type": "text", "text": each["content"]}]} for each in row["prompt"]
        ]
        talk = {name: value for name, value in row.items() if name != "prompt"} | {"messages": asked_before + later}
        assert cell_of(talk) == cell_of(row)


def test_rows_that_show_one_image_are_in_one_part_whatever_their_groups(tmp_path: Path) -> None:
    colors = ("red", "green", "blue", "yellow", "black", "white")
    rows = [
        sample(f"{color}-{group}", "Which color?", color, images=(png(color),), group=f"{group}:{color}")
        for color in colors for group in ("image", "coco")
    ]  # fmt: skip
    for seed in range(3):
        parts = split(write_conversations(tmp_path / f"rows-{seed}", rows), tmp_path / f"out-{seed}", 0.5, seed=seed)
        train, test = ({digest for each in image_digests(part) for digest in each} for part in parts)
        assert len(train) == len(test) == 3 and not train & test


def test_images_that_no_groups_share_change_no_division(data_dir: Path, tmp_path: Path) -> None:
    _, test = split(data_dir, tmp_path / "a", 0.3)
    groups = dict(enumerate(open_dataset(data_dir)["group"]))
    rng = stream(0, "split", read_manifest(data_dir)["content_hash"])
    held_out = stratified(rng, groups, [""] * len(groups), 0.3)
    assert open_dataset(test)["id"] == open_dataset(data_dir).select(sorted(held_out))["id"]


def test_groups_are_never_cut_and_strata_keep_their_shares() -> None:
    rng = random.Random(0)
    groups, strata = {}, []
    while len(strata) < 3000:  # several questions to a photograph, most of its objects in the middle
        group = f"coco:{len(groups)}"
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            groups[len(strata)] = group
            strata.append(rng.choices("abc", (6, 3, 1))[0])
    taken = stratified(random.Random(1), groups, strata, 0.2)
    assert not {groups[n] for n in taken} & {groups[n] for n in set(groups) - taken}
    assert len(taken) == pytest.approx(0.2 * len(strata), abs=6)
    whole, part = Counter(strata), Counter(strata[n] for n in taken)
    assert all(part[each] == pytest.approx(0.2 * whole[each], abs=6) for each in whole)
    assert taken == stratified(random.Random(1), groups, strata, 0.2)
    assert taken != stratified(random.Random(2), groups, strata, 0.2)


def test_small_strata_still_give_a_share() -> None:
    strata = [f"{n // 2}" for n in range(200)]  # two rows of each answer: none of them would be a fifth
    assert len(stratified(random.Random(0), {n: str(n) for n in range(200)}, strata, 0.2)) == 40


def test_what_cannot_be_divided_is_told(positions: Path, data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--share 1"):
        split(positions, tmp_path / "a", 1)
    with pytest.raises(InputError, match="no single object"):
        split(data_dir, tmp_path / "a", 0.5, stratify=Stratify.CELL)
    with pytest.raises(InputError, match="all rows are in one group"):
        stratified(random.Random(0), {0: "a", 1: "a"}, ["", ""], 0.5)
    assert not any(tmp_path.iterdir())
    split(data_dir, tmp_path / "a", 0.5)
    with pytest.raises(InputError, match="--overwrite"):
        split(data_dir, tmp_path / "a", 0.5)

"""Inputs that were damaged at random: each is used rightly, or refused in one line before anything is loaded.

Rows, manifests, recipes, images and annotation files are mutated, always the same way. Never is there a traceback, and
never is anything changed beside what was asked for.
"""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.core.recipe_values import parse_overrides
from pgt_lora.data.checked_images import checked_images
from pgt_lora.data.directory import MANIFEST, PARQUET, open_dataset
from pgt_lora.data.images import decode, size_px
from pgt_lora.data.sources.source import SourceSettings
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.lengths import measure
from tests.support.discovered import FAMILIES, SOURCES, small_processor
from tests.support.image_files import REFUSED, SAME

ODD: tuple[Any, ...] = (
    None, "", " ", 0, -1, 1e300, float("nan"), True, [], {}, "\x00", "\ud7ff", "../../evil", "<|im_end|>", "</s>",
    "<image>", "a" * 5000, "[/red]", "１", [None], {"a": [1]}, "nan", 2**70, "\u202e",
)  # fmt: skip
RECIPE_LINES = (RECIPES / "tiny-qwen2.5-vl.yaml").read_text(encoding="utf-8").splitlines()


def damaged_bytes(rng: random.Random, data: bytes) -> bytes:
    """A file that was cut, filled, doubled in part or had bytes changed."""
    kind, at = rng.randrange(5), rng.randrange(len(data) or 1)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + rng.randbytes(rng.randrange(1, 40)) + data[at:]
    if kind == 2:
        return data[:at] + data[at + rng.randrange(1, 40) :]
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 12)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def damaged_value(rng: random.Random, value: Any) -> Any:
    """JSON with a value changed, lost or added somewhere inside."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(sorted(value))
        kind = rng.randrange(4)
        if kind == 0:
            return {name: each for name, each in value.items() if name != key}
        if kind == 1:
            return value | {rng.choice(("odd", key + "_", "")): rng.choice(ODD)}
        return value | {key: damaged_value(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.7:
        index = rng.randrange(len(value))
        return [*value[:index], damaged_value(rng, value[index]), *value[index + 1 :]]
    return rng.choice(ODD)


def rows(rng: random.Random, data: Path, encoder: Encoder) -> None:
    table = pq.read_table(data / PARQUET)
    listed = table.to_pylist()
    index = rng.randrange(len(listed))
    listed[index] = damaged_value(rng, listed[index])
    try:
        changed = pa.Table.from_pylist(listed, schema=table.schema if rng.random() < 0.7 else None)
        pq.write_table(changed, data / PARQUET)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError, UnicodeError):
        return  # nobody could have written that
    opened = open_dataset(data)
    measure(encoder, checked_images(opened, data))


def manifest(rng: random.Random, data: Path, encoder: Encoder) -> None:
    path = data / MANIFEST
    if rng.random() < 0.3:
        path.write_bytes(damaged_bytes(rng, path.read_bytes()))
    else:
        path.write_text(json.dumps(damaged_value(rng, json.loads(path.read_text()))))
    open_dataset(data)


def parquet(rng: random.Random, data: Path, encoder: Encoder) -> None:
    (data / PARQUET).write_bytes(damaged_bytes(rng, (data / PARQUET).read_bytes()))
    open_dataset(data)


def recipe(rng: random.Random, data: Path, encoder: Encoder) -> None:
    lines = [line for line in RECIPE_LINES if rng.random() > 0.02]
    index = rng.randrange(len(lines))
    name = lines[index].partition(":")[0]
    odd = rng.choice(ODD)
    spelled = (f"{name}: {odd}", f"{name}: {json.dumps(odd)}", f"{odd}", lines[index] * 2, f"{name}: [1, ")
    lines[index] = rng.choice(spelled)
    path = data / "recipe.yaml"
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    load_recipe(path, rng.choice(([], [f"--{name}", str(odd)], [str(odd)], [f"--{name}={odd}"])))
    parse_overrides([f"--{odd}", str(rng.choice(ODD))])


def image(rng: random.Random, data: Path, encoder: Encoder) -> None:
    file = {"bytes": damaged_bytes(rng, rng.choice(IMAGES)), "path": None}
    size = size_px(file, "row x")
    assert decode(file, "row x").size == size


def annotations(rng: random.Random, data: Path, encoder: Encoder) -> None:
    source = SOURCES[rng.choice(sorted(SOURCES))]
    text = json.dumps(damaged_value(rng, json.loads(rng.choice(ANNOTATIONS))))
    path = data / "annotations.json"
    path.write_text(rng.choice((text, text + "\n" + text, text[: rng.randrange(len(text) + 1)])))
    source.read(path, rng.choice(("train", "test")), SourceSettings())


KINDS: dict[str, Callable[[random.Random, Path, Encoder], None]] = {
    each.__name__: each for each in (rows, manifest, parquet, recipe, image, annotations)
}
IMAGES = [data for data in (SAME | REFUSED).values() if 0 < len(data) < 20_000]
ANNOTATIONS = (
    '[{"image": "train2014/COCO_train2014_000000296471.jpg", "answer": 2, "question": "How many?", "question_id": 1}]',
    '{"image": "000000296471.jpg", "caption": "The cat is left of the dog", "label": 1, "relation": "left of"}',
    '{"image": ["images/scene0022_00/1.jpg"], "question": "Which?", "options": ["A. tv", "B. bed"], "answer": "A.", '
    '"question_type": "relative distance", "data_type": "single_image"}',
    '[["000000296471", "a cat left of a dog", "a dog left of a cat"]]',
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(FAMILIES["qwen2_5_vl"], small_processor("qwen2_5_vl"))


@pytest.fixture(scope="module")
def small_data(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(data_dir, tmp_path_factory.mktemp("fuzz") / "data"))


def snapshot(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(directory)), path.read_bytes()


def outcomes(kind: str, number: int, start: int, pristine: Path, encoder: Encoder, scratch: Path) -> Counter[str]:
    """Try so many damaged inputs, and count what became of them."""
    counts: Counter[str] = Counter()
    beside = scratch / "beside"
    beside.mkdir()
    (beside / "thesis.txt").write_text("x")
    before = dict(snapshot(beside))
    for index in range(start, start + number):
        rng = random.Random(f"{kind} {index}")
        data = Path(shutil.copytree(pristine, scratch / "data"))
        try:
            KINDS[kind](rng, data, encoder)
            counts["accepted"] += 1
        except InputError as error:
            assert str(error).strip(), (kind, index)
            assert "\n" not in str(error), (kind, index, error)
            counts["refused"] += 1
        except Exception as error:
            raise AssertionError(f"{kind} {index}: {type(error).__name__}: {error}") from error
        shutil.rmtree(data)
    assert dict(snapshot(beside)) == before
    return counts


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_inputs_are_used_or_refused(kind: str, small_data: Path, encoder: Encoder, tmp_path: Path) -> None:
    counts = outcomes(kind, 40, 0, small_data, encoder, tmp_path)
    assert counts["refused"] > 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_damaged_inputs(kind: str, small_data: Path, encoder: Encoder, tmp_path: Path) -> None:
    counts = outcomes(kind, 500, 40, small_data, encoder, tmp_path)
    print(kind, dict(counts))
    assert counts.total() == 500

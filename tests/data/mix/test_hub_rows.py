"""Rows of datasets on the Hub."""

from pathlib import Path

import pytest
from datasets import Dataset, Image, List

from pgt_lora.core.errors import InputError
from pgt_lora.data.mix.hub_rows import candidates
from tests.support.image_files import REFUSED
from tests.support.originals import jpeg


def test_rows_of_the_hub(tmp_path: Path) -> None:
    picture = {"bytes": jpeg(1), "path": None}
    turns = {
        "prompt": [[{"role": "user", "content": "How many?"}]],
        "completion": [[{"role": "assistant", "content": "2"}]],
    }
    many = Dataset.from_dict(turns | {"images": [[picture]]}).cast_column("images", List(Image()))
    plain = Dataset.from_dict({"prompt": ["How many?"], "completion": ["2"], "image": [picture], "group": ["coco:5"]})
    for dataset, group in ((many, "me/data:0"), (plain.cast_column("image", Image()), "coco:5")):
        (candidate,) = candidates(dataset, "me/data")
        sample = candidate.make(())
        assert (sample.id, candidate.group, sample.group) == ("me/data-000000", group, group)
        assert (sample.question, sample.answer, sample.images) == ("How many?", "2", (jpeg(1),))
        assert sample.source == "me/data"
    with pytest.raises(InputError, match="columns"):
        candidates(Dataset.from_dict({"text": ["a"]}), "me/data")
    several = {
        "prompt": [[{"role": "user", "content": "a"}] * 2],
        "completion": [[{"role": "assistant", "content": "b"}]],
    }
    (candidate,) = candidates(
        Dataset.from_dict(several | {"image": [picture]}).cast_column("image", Image()), "me/data"
    )
    with pytest.raises(InputError, match="one turn"):
        candidate.make(())


@pytest.mark.parametrize("name", ["JPEG-cut", "EPS", "PNG-too-large"])
def test_an_image_that_cannot_be_read_is_named(name: str) -> None:
    turns = {"prompt": ["How many?"], "completion": ["2"], "image": [{"bytes": REFUSED[name], "path": None}]}
    (candidate,) = candidates(Dataset.from_dict(turns).cast_column("image", Image()), "me/data")
    with pytest.raises(InputError, match=r"^row me/data-000000: its image cannot be read"):
        candidate.make(())

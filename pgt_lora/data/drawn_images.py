"""The column of images that are read, and drawn over, when their row is: a feature type of `datasets`."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from datasets.features.features import register_feature

from pgt_lora.data.references import FIELDS, REFERENCES, read_image

STRUCT = pa.struct([(name, pa.binary() if name == "bytes" else pa.string()) for name in (*FIELDS, "row")])


@dataclass
class DrawnImages:
    """Images of a row, by reference in the file and encoded where the row is read; `root` is where paths begin."""

    root: str
    dataset: str
    dtype: ClassVar[str] = "dict"
    pa_type: ClassVar[Any] = pa.list_(STRUCT)
    _type: str = field(default="DrawnImages", init=False, repr=False)

    def __call__(self) -> Any:
        """Return the Arrow type, as `datasets` asks for it."""
        return self.pa_type

    def decode_example(self, value: list[dict[str, Any]], token_per_repo_id: Any = None) -> list[dict[str, Any]]:
        """Return a row's images as encoded files.

        Raises:
            InputError: a photograph is missing, or is another one than it was.
        """
        return [read_image(each, Path(self.root), f"{self.dataset}: row {each['row']}") for each in value]


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that this is experimental
    register_feature(DrawnImages, DrawnImages.__name__)


def opened(batch: Any) -> Any:
    """Return a record batch of a plan as it is opened: references are called `images`, and each knows its row's id."""
    place = batch.schema.get_field_index(REFERENCES)
    column = batch.column(place)
    values = column.flatten()
    rows = batch.column("id").take(column.value_parent_indices())
    inner = pa.StructArray.from_arrays([*(values.field(name) for name in FIELDS), rows], fields=list(STRUCT))
    offsets = np.concatenate([[0], np.cumsum(column.value_lengths())])
    images = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), inner)
    return batch.set_column(place, "images", images)

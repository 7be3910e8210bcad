"""How other people's data is imported: which rows, by which columns, and how they are divided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pgt_lora.core.errors import InputError, check_known
from pgt_lora.data.limit import check_limit
from pgt_lora.data.mix.images import stores


class OnError(StrEnum):
    """What is done where a row cannot be read."""

    STOP = "stop"
    SKIP = "skip"


@dataclass(frozen=True)
class ImportSettings:
    """How a table is read and divided.

    `columns` name the columns that play a part (question, answer, image), `test` is the share of rows that is held out,
    and `split_column` the column that says train or test instead. With `by_reference`, images that are files stay where
    they are, and rows are conversations. `limit` is how many rows are read, all where it is None. `mirrors` are hosts
    of images by the names of their stores, in the place of the stores' own.
    """

    split: str | None = None
    revision: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    image_root: Path | None = None
    test: float = 0.0
    split_column: str | None = None
    on_error: OnError = OnError.STOP
    by_reference: bool = False
    limit: int | None = None
    mirrors: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Raise `InputError` where the parts do not fit together."""
        if not 0 <= self.test < 1:
            raise InputError(f"--test {self.test}: must be a share from 0 to below 1")
        if self.test and self.split_column:
            raise InputError("--test and --split-column: give only one of them")
        if self.image_root is not None and not self.image_root.is_dir():
            raise InputError(f"--image-root {self.image_root}: no such directory")
        check_limit(self.limit)
        check_known("--mirror", self.mirrors, stores())

    @property
    def divides(self) -> bool:
        """Whether there will be a test split."""
        return bool(self.test or self.split_column)

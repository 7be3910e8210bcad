"""The rows of a dataset directory as they come from its files, without a copy of them and without an end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgt_lora.data.directory import IMAGE_ROOT
from pgt_lora.data.parquet import batches, parquet_files, stored_columns
from pgt_lora.data.references import REFERENCES, read_image
from pgt_lora.data.seal import checked_manifest


@dataclass(frozen=True)
class Stream:
    """Rows in the order of their files, and from the first one again behind the last.

    `root` is where paths of images by reference begin, None where the files hold pixels.
    """

    directory: Path
    files: tuple[Path, ...]
    num_rows: int
    root: Path | None

    def __len__(self) -> int:
        """Return the number of rows before they come again."""
        return self.num_rows

    def rows(self, start: int = 0) -> Iterator[dict[str, Any]]:
        """Yield rows from the `start`-th on; images by reference are not read yet, and what is passed over is not, too.

        Raises:
            InputError: a file cannot be read.
        """
        import pyarrow.parquet as pq

        left = start % self.num_rows  # to be passed over
        while True:
            for path in self.files:
                if left >= (number := pq.read_metadata(path).num_rows):
                    left -= number
                    continue
                for batch in batches(path):
                    passed = min(left, batch.num_rows)
                    left -= passed
                    yield from map(self._named, batch.slice(passed).to_pylist())

    def _named(self, row: dict[str, Any]) -> dict[str, Any]:
        return row if self.root is None else row | {"images": row.pop(REFERENCES)}

    def read(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with its images as encoded files, drawn over where it is a plan's.

        Raises:
            InputError: a photograph is missing, or is another one than it was.
        """
        if self.root is None:
            return dict(row)
        where = f"{self.directory}: row {row['id']}"
        return dict(row) | {"images": [read_image(image, self.root, where) for image in row["images"]]}


def open_stream(directory: Path) -> Stream:
    """Return the rows of a finished dataset directory.

    Raises:
        InputError: the directory is unfinished, or its rows are not what the manifest says.
    """
    manifest, files = checked_manifest(directory), parquet_files(directory)
    by_reference = stored_columns(files[0])[1]
    root = Path(manifest.get(IMAGE_ROOT, "")) if by_reference else None
    return Stream(directory, tuple(files), manifest["num_samples"], root)

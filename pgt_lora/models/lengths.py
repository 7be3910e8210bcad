"""How long every training sequence is, from its text and the headers of its images: no pixel is decoded."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.transformers_internals import num_image_tokens


@dataclass(frozen=True)
class Length:
    """The tokens of one row's training sequence: the image's, the prompt's other ones, and the supervised ones."""

    row_id: str
    image: int
    prompt: int
    supervised: int

    @property
    def total(self) -> int:
        """The whole sequence, without padding."""
        return self.image + self.prompt + self.supervised


def measure(encoder: Encoder, rows: Iterable[Mapping[str, Any]]) -> list[Length]:
    """Return the length of every row's training sequence, in tokens.

    Raises:
        InputError: an image's header cannot be read, or an answer merges with its prompt.
    """
    images: dict[tuple[int, int], int] = {}  # many are of one size
    lengths = []
    for row in rows:
        sizes = [size_px(image, row) for image in row["images"]]
        for size in sizes:
            if size not in images:
                images[size] = num_image_tokens(encoder.processor, size)
        prompt, answer = encoder.text_ids(row)
        # The prompt's text holds one placeholder an image, which the processor replaces.
        lengths.append(Length(row["id"], sum(images[s] for s in sizes), len(prompt) - len(sizes), len(answer)))
    return lengths


def size_px(image: Image.Image | Mapping[str, Any], row: Mapping[str, Any]) -> tuple[int, int]:
    """Return the width and height in the header of a row's image.

    Raises:
        InputError: it is no image; the message names the row.
    """
    if isinstance(image, Image.Image):
        return image.size
    try:
        with Image.open(io.BytesIO(image["bytes"])) as opened:
            return opened.size
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for a broken PNG
        raise InputError(f"row {row['id']}: its image cannot be read ({error}); make the dataset again") from error


def token_limit(config: Any, max_length: int | None) -> int:
    """Return the tokens that a sample may have: as many as the model has positions for, or `max_length`."""
    positions: int = config.get_text_config().max_position_embeddings
    return min(max_length or positions, positions)


def too_long(lengths: Sequence[Length], limit: int) -> Iterator[str]:
    """Name the rows that have more tokens than fit."""
    over = [length for length in lengths if length.total > limit]
    if over:
        named = ", ".join(f"{length.row_id} ({length.total:,})" for length in over[:5])
        more = f" and {len(over) - 5:,} more" if len(over) > 5 else ""
        yield f"leave out or shorten the rows over {limit:,} tokens, or take a smaller canvas: {named}{more}"

"""How long every training sequence is, from its text and the headers of its images: no pixel is decoded."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.transformers_internals import num_image_tokens

Size = tuple[int, int]  # width and height in pixels


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
    known: dict[tuple[Size, bool], int] = {}  # many are of one size
    lengths = []
    for row in rows:
        sizes = [size_px(image, row) for image in row["images"]]
        prompt, answer = encoder.text_ids(row)
        # The prompt's text holds one placeholder an image, which the processor replaces.
        tokens = image_tokens(encoder, sizes, known)
        lengths.append(Length(row["id"], tokens, len(prompt) - len(sizes), len(answer)))
    return lengths


def image_tokens(encoder: Encoder, sizes: Sequence[Size], known: dict[tuple[Size, bool], int]) -> int:
    """Return the tokens of a row's images; `known` keeps those of each size, alone or among others."""
    alone = len(sizes) == 1
    for size in sizes:
        if (size, alone) not in known:
            known[size, alone] = num_image_tokens(encoder.processor, size) if alone else among_others(encoder, size)
    return sum(known[size, alone] for size in sizes)


def among_others(encoder: Encoder, size: Size) -> int:
    """Return the tokens of an image in a row of several, counted on blank ones.

    The processors' own rule is for an image alone; LLaVA-OneVision's cuts no tiles where there are several.
    """
    row = {"id": "", "images": [Image.new("RGB", size)] * 2, "prompt": [{"role": "user", "content": "?"}]}
    text = encoder.prompt_text(row)
    ids = encoder.processor.tokenizer(text, add_special_tokens=encoder.adds_special_tokens(text)).input_ids
    return (Encoder.prompts(encoder, [row])["input_ids"].shape[1] - len(ids)) // 2 + 1


def size_px(image: Image.Image | Mapping[str, Any], row: Mapping[str, Any]) -> Size:
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

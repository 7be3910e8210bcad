"""How long every training sequence is, from its text and the headers of its images: no pixel is decoded."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from PIL import Image

from pgt_lora.data.images import Size, size_px
from pgt_lora.models.encoding import Encoder

ROWS_AT_A_TIME = 64  # whose texts are tokenized together


@dataclass(frozen=True)
class Length:
    """The tokens of one row's training sequence: the images', the supervised ones of all answers, and the others.

    `images` tells the row's images, byte for byte, from others.
    """

    row_id: str
    image: int
    prompt: int
    supervised: int
    task: str = ""
    images: bytes = field(default=b"", compare=False)

    @property
    def total(self) -> int:
        """The whole sequence, without padding."""
        return self.image + self.prompt + self.supervised


def measure(encoder: Encoder, rows: Iterable[Mapping[str, Any]]) -> list[Length]:
    """Return the length of every row's training sequence, in tokens; the rows are read once.

    Raises:
        InputError: an image's header cannot be read or its size is refused, or an answer merges with its prompt.
    """
    known: dict[tuple[Size, bool], int] = {}  # many are of one size
    lengths = []
    rest = iter(rows)
    while part := list(islice(rest, ROWS_AT_A_TIME)):
        for row, text in zip(part, encoder.all_text_ids(part), strict=True):
            # The prompt's text holds one placeholder an image, which the processor replaces.
            others = len(text.prompt) + len(text.answer) - len(row["images"]) - text.num_supervised
            tokens = image_tokens(encoder, row, known)
            lengths.append(Length(row["id"], tokens, others, text.num_supervised, row.get("task", ""), image_key(row)))
    return lengths


def image_key(row: Mapping[str, Any]) -> bytes:
    """Return what tells a row's images, byte for byte, from others; nothing where there is none."""
    files = (image.tobytes() if isinstance(image, Image.Image) else image["bytes"] for image in row["images"])
    digests = [hashlib.sha256(file).digest() for file in files]
    return hashlib.sha256(b"".join(digests)).digest() if digests else b""


def supervised_shares(lengths: Iterable[Length]) -> dict[str, float]:
    """Return each task's share of the supervised tokens, the largest first."""
    sums: Counter[str] = Counter()
    for length in lengths:
        sums[length.task] += length.supervised
    return {task: number / sums.total() for task, number in sums.most_common()}


def image_tokens(encoder: Encoder, row: Mapping[str, Any], known: dict[tuple[Size, bool], int]) -> int:
    """Return the tokens of a row's images; `known` keeps those of each size, alone or among others.

    Raises:
        InputError: an image's header cannot be read, or the processor refuses its size.
    """
    name = f"row {row['id']}"
    sizes = [size_px(image, name) for image in row["images"]]
    alone = len(sizes) == 1
    for size in sizes:
        if (size, alone) not in known:
            known[size, alone] = encoder.image_tokens(size, name) if alone else among_others(encoder, size, row["id"])
    return sum(known[size, alone] for size in sizes)


def among_others(encoder: Encoder, size: Size, row_id: str) -> int:
    """Return the tokens of an image in a row of several, counted on blank ones.

    The processors' own rule is for an image alone; LLaVA-OneVision's cuts no tiles where there are several.
    """
    row = {"id": row_id, "images": [Image.new("RGB", size)] * 2, "prompt": [{"role": "user", "content": "?"}]}
    text = encoder.prompt_text(row)
    ids = encoder.processor.tokenizer(text, add_special_tokens=encoder.adds_special_tokens(text)).input_ids
    return (Encoder.prompts(encoder, [row])["input_ids"].shape[1] - len(ids)) // 2 + 1


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
        smaller = "take smaller images (of PGT: --canvas)"
        yield f"leave out or shorten the rows over {limit:,} tokens, or {smaller}: {named}{more}"

"""Training on a stream of rows: which process and which worker takes which of them, and from which one on."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.data.stream import Stream
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.lengths import measure, too_long

Part = tuple[int, int]  # a process, and one of its workers


def training_rows(stream: Stream, args: Any, resume: Path | None = None) -> Any:
    """Return a stream's rows as a `datasets.IterableDataset`, in a part for each process and each of its workers.

    Together the parts are the rows in their order, batch by batch, whatever the number of processes and workers. They
    begin behind those of the steps before a checkpoint.
    """
    from datasets import IterableDataset

    steps = 0 if resume is None else int(resume.name.removeprefix("checkpoint-"))
    start = steps * args.per_device_train_batch_size * args.world_size * args.gradient_accumulation_steps
    num_workers = max(1, args.dataloader_num_workers)
    parts = [(process, worker) for process in range(args.world_size) for worker in range(num_workers)]
    dealt = {"size": args.per_device_train_batch_size, "processes": args.world_size, "workers": num_workers}
    given = {"parts": parts, "stream": stream, "start": start, "dealt": dealt}
    return IterableDataset.from_generator(rows_of, gen_kwargs=given)


def rows_of(parts: Sequence[Part], stream: Stream, start: int, dealt: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Yield the rows of some parts: of every so manieth round of batches, the batch of the part's process."""
    rows, size = stream.rows(start), dealt["size"]
    for number, batch in enumerate(iter(lambda: list(islice(rows, size)), [])):
        turn, process = divmod(number, dealt["processes"])
        if (process, turn % dealt["workers"]) in parts:
            yield from batch


def streamed_batch(encoder: Encoder, stream: Stream, limit: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Read the images of a batch and encode it, and keep its samples' ids for messages.

    Raises:
        InputError: an image cannot be read, or a row has more tokens than `limit`.
    """
    read = [stream.read(row) for row in rows]
    for problem in too_long(measure(encoder, read), limit):
        raise InputError(f"{stream.directory}: {problem}")
    return encoder.training_batch(read) | {"ids": [row["id"] for row in rows]}

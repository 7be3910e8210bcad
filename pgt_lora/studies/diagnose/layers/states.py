"""States of a model, written to files while it reads a dataset: no more than a batch is held in memory."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import send_to_device
from numpy.typing import NDArray

from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import track
from pgt_lora.data.images import size_px
from pgt_lora.models.checkpoint import without_adapter
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.image_grid import Grid, image_grid, tower_states
from pgt_lora.studies.diagnose.layers.sites import (
    OF_IMAGE,
    PROJECTOR,
    TOWER,
    Asked,
    Site,
    slots,
    tokens_after_question,
)

States = NDArray[np.float32]


@dataclass
class StateFiles:
    """The states of all readings at every site and point, a file each of shape (readings, slots x hidden), float32."""

    directory: Path
    number: int
    num_slots: int
    widths: dict[tuple[Site, str], int] = field(default_factory=dict)

    def write(self, site: Site, point: str, places: Sequence[int], values: torch.Tensor) -> None:
        """Write the states of some readings; `values` has shape (readings, slots, hidden)."""
        flat = values.flatten(1).float().cpu().numpy()
        self.widths[site, point] = flat.shape[1]
        self._open(site, point, "r+" if self._path(site, point).exists() else "w+")[places] = flat

    def read(self, site: Site, point: str) -> States:
        """Return the states at one site and point, mapped into memory."""
        return self._open(site, point, "r")

    def _path(self, site: Site, point: str) -> Path:
        return self.directory / f"{site.value}-{point}.bin"

    def _open(self, site: Site, point: str, mode: Any) -> Any:
        return np.memmap(self._path(site, point), np.float32, mode, shape=(self.number, self.widths[site, point]))


@dataclass
class Batch:
    """What the model reads just now: the encoded prompts, the readings' places, and the weights of their tokens.

    `view` and `grid` are known once the tower has answered.
    """

    places: Sequence[int]
    asked: Sequence[Asked]
    prompts: Any
    is_image: torch.Tensor
    behind: torch.Tensor
    num_slots: int
    grid: Grid | None = None

    @property
    def num_image_tokens(self) -> int:
        """The tokens of each image; all are of one size."""
        return int(self.is_image[0].sum())

    def weights(self, site: Site, number: int, like: torch.Tensor) -> torch.Tensor:
        """Return by how much each of `number` tokens counts for each slot, shape (readings, slots, number)."""
        if site == Site.IMAGE:
            return torch.full((len(self.asked), 1, number), 1 / number).to(like)
        assert self.grid
        found = torch.zeros(len(self.asked), self.num_slots, number)
        for weight, each in zip(found, self.asked, strict=True):
            for slot, area in enumerate(each.areas):
                tokens = self.grid.under(area)
                weight[slot, tokens] = 1 / len(tokens)
        return found.to(like)


def capture(
    model: Any, encoder: Encoder, rows: Any, asked: Sequence[Asked], layers: Sequence[int], sites: Sequence[Site],
    batch_size: int, directory: Path, description: str,
) -> StateFiles:  # fmt: skip
    """Let a model read every row, and write its states at the sites behind tower, projector and layers to files.

    Raises:
        InputError: a row has not exactly one image, or as `Encoder.prompts`.
    """
    files = StateFiles(directory, len(asked), slots(asked))
    batches = list(_batches(encoder, rows, asked, sites, batch_size))
    model.eval()
    current: list[Batch] = []
    with _hooks(without_adapter(model), encoder, layers, sites, files, current), torch.inference_mode():
        for batch in track(batches, len(batches), description):
            read = batch()
            current[:] = [read]
            prompts = send_to_device(read.prompts, model.device).to(model.dtype)
            model(**prompts, use_cache=False, logits_to_keep=1)
    return files


def _batches(
    encoder: Encoder, rows: Any, asked: Sequence[Asked], sites: Sequence[Site], batch_size: int
) -> Iterator[Callable[[], Batch]]:
    """Yield what makes each batch: readings whose images are of one size."""
    by_size: dict[Any, list[int]] = defaultdict(list)
    for place, each in enumerate(asked):
        images = rows[each.image]["images"]
        if len(images) != 1:
            raise InputError(f"row {rows[each.image]['id']}: has {len(images)} images; layers are probed with one each")
        by_size[size_px(images[0], f"row {rows[each.image]['id']}")].append(place)
    number = slots(asked)
    for places in by_size.values():
        for start in range(0, len(places), batch_size):
            part = places[start : start + batch_size]
            yield partial(_encode, encoder, rows, part, [asked[place] for place in part], sites, number)


def _encode(
    encoder: Encoder, rows: Any, places: Sequence[int], asked: Sequence[Asked], sites: Sequence[Site], num_slots: int
) -> Batch:
    shown = [dict(rows[each.row]) | {"images": rows[each.image]["images"]} for each in asked]
    prompts = encoder.prompts(shown)
    behind = [tokens_after_question(encoder, row) if Site.QUESTION in sites else 0 for row in shown]
    return Batch(places, asked, prompts, prompts["input_ids"] == encoder.image_id, torch.tensor(behind), num_slots)


@contextmanager
def _hooks(
    base: Any, encoder: Encoder, layers: Sequence[int], sites: Sequence[Site], files: StateFiles, current: list[Batch]
) -> Iterator[None]:
    """Write the states of the current batch to the files while the model reads it."""
    family = encoder.family
    of_image = [site for site in sites if site in OF_IMAGE]

    def tower(module: Any, args: Any) -> None:
        (batch,), given = current, args[0]
        batch.grid = image_grid(family, base, batch.prompts, batch.num_image_tokens, given)
        parts, whole = tower_states(family, base, batch.prompts, len(batch.asked), given)
        for site in of_image:
            states = parts if site == Site.IMAGE else whole
            files.write(site, TOWER, batch.places, batch.weights(site, states.shape[1], states) @ states)

    def layer(point: str, hidden: torch.Tensor, wanted: Sequence[Site]) -> None:
        (batch,) = current
        for site in wanted:
            if site in OF_IMAGE:
                found = _of_image(batch, hidden, site)
            else:
                at = -1 - (batch.behind if site == Site.QUESTION else torch.zeros_like(batch.behind))
                found = hidden[torch.arange(len(hidden)), at.to(hidden.device)].unsqueeze(1)
            files.write(site, point, batch.places, found)

    def before_layers(module: Any, args: Any, kwargs: Any) -> None:
        layer(PROJECTOR, args[0] if args else kwargs["hidden_states"], of_image)

    def behind_layer(point: str) -> Any:
        return lambda module, args, output: layer(point, output[0] if isinstance(output, tuple) else output, sites)

    modules = base.get_submodule(family.text_model).layers
    handles = [modules[0].register_forward_pre_hook(before_layers, with_kwargs=True)]
    handles += [modules[index].register_forward_hook(behind_layer(str(index))) for index in layers]
    if family.whole_view and of_image:
        handles.append(base.get_submodule(family.projector).register_forward_pre_hook(tower))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _of_image(batch: Batch, hidden: torch.Tensor, site: Site) -> torch.Tensor:
    states = hidden[batch.is_image.to(hidden.device)].view(len(hidden), -1, hidden.shape[-1])
    if site == Site.OBJECTS:
        assert batch.grid
        states = states[:, batch.grid.start :][:, : batch.grid.rows * batch.grid.columns]
    return batch.weights(site, states.shape[1], states) @ states


def points(layers: Sequence[int], site: Site, has_tower: bool) -> list[str]:
    """Return the points at which a site's states are read, in the model's order."""
    before = [TOWER, PROJECTOR] if has_tower else [PROJECTOR]
    return [*(before if site in OF_IMAGE else ()), *map(str, layers)]


def num_bytes(base: Any, number: int, num_slots: int, layers: Sequence[int], sites: Sequence[Site]) -> int:
    """Return about what the files of that many readings take."""
    wide: Mapping[Site, int] = {Site.OBJECTS: max(num_slots, 1)}
    hidden = base.config.get_text_config().hidden_size
    return sum(4 * number * wide.get(site, 1) * hidden * (len(layers) + 2) for site in sites)

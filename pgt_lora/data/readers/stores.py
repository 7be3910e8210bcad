"""Images that many datasets share, named as LLaVA names them: fetched as needed, and under what terms they come."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pgt_lora.data.mix.images import Shelf, kept, obtain, stores
from pgt_lora.data.readers.items import Reading
from pgt_lora.data.readers.tables import Table
from pgt_lora.data.readers.values import Unreadable
from pgt_lora.data.sources.source import ImageRef


def fetched(table: Table, reading: Reading, mirrors: Mapping[str, str]) -> Reading:
    """Return how a table is read once the images of stores that its rows name, and that are not here, were fetched.

    Raises:
        InputError: a host cannot be reached. An image that it does not have is the row's problem.
    """
    album = reading.album
    shelf = Shelf(album.cache, hosts=mirrors, wait=album.wait)
    absent = {each for each in _references(table, reading) if not kept(each, shelf).is_file()}
    if not absent:
        return reading
    return replace(reading, album=replace(album, problems=obtain(absent, shelf).problems))


def _references(table: Table, reading: Reading) -> set[ImageRef]:
    references = set()
    for *_, values in table.numbered():
        try:
            pictures = reading.item(values).pictures
        except Unreadable:
            continue  # which the survey tells
        references |= {picture.shared for picture in pictures if picture.shared is not None}
    return references


def terms(
    facts: Mapping[str, Any], counts: Mapping[str, int], num_images: int, mirrors: Mapping[str, str]
) -> dict[str, Any]:
    """Return the license of a source's facts with what is known of the images that come from stores, store by store.

    `counts` are the images of each store, among `num_images`; `mirrors` are the hosts that were asked for others.
    """
    license = dict(facts["license"])
    if not counts:
        return {"license": license}
    used = {name: stores()[name] for name in sorted(counts)}
    told = [f"{name}: {store.terms}" for name, store in used.items()]
    others = [f"others: {license['images']}"] if sum(counts.values()) < num_images else []
    origins = {name: mirrors.get(name) or store.host or "/".join(store.archive or ()) for name, store in used.items()}
    return {
        "license": license | {"images": "; ".join([*told, *others]), "redistributable": False},
        "stores": {
            name: {"images": counts[name], "origin": origins[name], "terms": store.terms}
            for name, store in used.items()
        },
    }

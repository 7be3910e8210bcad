"""The first look at rows: each is read, its images are decoded, and nothing is written."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import track
from pgt_lora.data.readers.items import Item, Reading
from pgt_lora.data.readers.pictures import Album, Picture
from pgt_lora.data.readers.tables import ROWS_AT_A_TIME, Table
from pgt_lora.data.readers.values import Unreadable
from pgt_lora.data.rows import problem_of
from pgt_lora.data.sources.folders import stored
from pgt_lora.data.turns import Form

NUM_THREADS = 16
NAMED = "group:"  # before a group that a row names, so that it comes before its images; the group goes without
MAX_LISTED = 5  # of the rows that cannot be read
Digests = dict[str | bytes, "str | Unreadable"]
UNSEEN = b"?"  # in the place of an image's bytes, where only the rest of a row is looked at


@dataclass(frozen=True)
class Known:
    """What is kept of a row: its place, what it shares with the rows of its group, and its side where it says one."""

    where: str
    keys: tuple[str, ...]
    side: str | None


@dataclass
class Contents:
    """What some rows hold: how many answers are of each format, their images, and how many of each store."""

    formats: Counter[str] = field(default_factory=Counter)
    num_images: int = 0
    num_text_only: int = 0
    stores: Counter[str] = field(default_factory=Counter)

    def count(self, item: Item) -> None:
        """Count a row."""
        self.formats[item.answer.format] += 1
        self.num_images += len(item.pictures)
        self.num_text_only += not item.pictures
        references = (stored(picture.name or "") for picture in item.pictures)
        self.stores.update(reference.store for reference in references if reference)


@dataclass
class Survey(Contents):
    """What was found: the rows that can be read, by number, and the others as lines; columns, and what rows hold."""

    rows: dict[int, Known] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    examples: dict[str, tuple[str, str]] = field(default_factory=dict)
    used: dict[str, Counter[str]] = field(default_factory=dict)
    columns: Counter[str] = field(default_factory=Counter)
    form: Form = Form.QUESTIONS
    first: dict[bytes, tuple[str, bytes]] = field(default_factory=dict)  # by images and question: a row, its answer
    num_repeated: int = 0
    contradictions: list[tuple[str, str]] = field(default_factory=list)  # two rows each

    def add(self, number: int, where: str, item: Item, digests: Sequence[str]) -> None:
        """Count a row that can be read."""
        self.count(item)
        keys = [f"image:{digest[:32]}" for digest in digests]
        if item.group is not None:
            keys.append(f"{NAMED}{item.group}")
        said = "\n".join(turn.text for turn in item.turns[:-1])
        self.rows[number] = Known(where, tuple(keys) or (f"text:{_hash(said).hex()}",), item.side)
        asked, answer = _hash("\0".join((*digests, said))), _hash(item.turns[-1].text)
        before, its_answer = self.first.setdefault(asked, (where, answer))
        self.num_repeated += before != where
        if its_answer != answer:
            self.contradictions.append((before, where))
        self.examples.setdefault(item.answer.format, (item.turns[-2].text, item.turns[-1].text))
        self.columns.update(map(str, item.row.values))
        for role in item.row.names:
            if column := item.row.column(role):
                self.used.setdefault(role, Counter())[column] += 1


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()[:16]


def survey(table: Table, reading: Reading, stop: bool) -> Survey:
    """Read every row and decode every image; with `stop`, up to the first few rows that cannot be read.

    Raises:
        InputError: the file cannot be read on, or a host cannot be reached.
    """
    result = Survey()
    digests: Digests = {}  # of images that have a path or an address, which rows may share
    with ThreadPoolExecutor(NUM_THREADS) as pool:
        for chunk in _chunks(track(table.numbered(), None, "Reading rows")):
            items = [_item(reading, values) for *_, values in chunk]
            states = _states(items, reading.album, digests, pool)
            for (number, where, _), item in zip(chunk, items, strict=True):
                problem = str(item) if isinstance(item, Unreadable) else _add(result, number, where, item, states)
                if problem is not None:
                    result.problems.append(f"{where}: {problem}")
            if stop and len(result.problems) >= MAX_LISTED:
                break
    return result


def _chunks(rows: Iterable[tuple[int, str, Any]]) -> Iterator[list[tuple[int, str, Any]]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, ROWS_AT_A_TIME)):
        yield chunk


def _item(reading: Reading, values: Any) -> Item | Unreadable:
    try:
        return reading.item(values)
    except Unreadable as error:
        return error


def _states(items: Sequence[Item | Unreadable], album: Album, digests: Digests, pool: ThreadPoolExecutor) -> Digests:
    """Return the digests of the images of some rows, or why one cannot be read; those with names are kept."""
    wanted = {_key(each): each for item in items if isinstance(item, Item) for each in item.pictures}
    new = {key: picture for key, picture in wanted.items() if key not in digests}
    states: Digests = dict(zip(new, pool.map(album.check, new.values()), strict=True))
    digests |= {key: state for key, state in states.items() if isinstance(key, str)}
    return {key: states[key] if key in states else digests[key] for key in wanted}


def _key(picture: Picture) -> str | bytes:
    return picture.data if picture.data is not None else picture.url or str(picture.path)


def _add(result: Survey, number: int, where: str, item: Item, states: Digests) -> str | None:
    """Count a row, or return why it cannot be used."""
    digests = []
    for picture in item.pictures:
        state = states[_key(picture)]
        if isinstance(state, Unreadable):
            return str(state)
        digests.append(state)
    try:
        sample = item.sample(f"row {number}", "", "", (UNSEEN,) * len(digests))
    except InputError as error:
        return str(error)
    row = sample.to_row(sample.form)
    if problem := problem_of(row):
        return problem
    try:
        json.dumps(row | {"images": None}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "half a character in a text, which no file holds"
    if sample.form == Form.CONVERSATIONS:
        result.form = Form.CONVERSATIONS
    result.add(number, where, item, digests)
    return None

"""A row that was read: its turns, and its images where they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pgt_lora.data.readers.reader import Reader, Row, Shown
from pgt_lora.data.readers.values import Unreadable, is_given, text_of
from pgt_lora.data.turns import IMAGE, Part, Role, Turn

MARK = "<image>"  # where an image stands, in texts
LINE_ENDS = "\r\n"
UNREAD = ("video", "videos", "audio", "audios", "tools", "rejected_response")


@dataclass(frozen=True)
class Draft:
    """A row that was read: its turns, and what it says of its images, in the order of their places."""

    turns: tuple[Turn, ...]
    images: tuple[Any, ...]


def draft(reader: Reader, row: Row) -> Draft:
    """Read a row and put its images where their placeholders stand, or first where there are none.

    Raises:
        Unreadable: it is not of the form, or has other numbers of images and of places.
    """
    if unread := [name for name in UNREAD if is_given(row.values.get(name))]:
        raise Unreadable(f"it has {unread[0]}, which is not read")
    said, images = reader.read(row), row.images()
    if system := row.get("system"):
        said = [(Role.SYSTEM, text_of(system, "system")), *said]
    pieces: list[tuple[Role, list[str | Shown]]] = [
        (role, [content] if isinstance(content, str) else list(content)) for role, content in said
    ]
    if not any(isinstance(piece, Shown) for _, each in pieces for piece in each):
        pieces = [(role, [part for text in each for part in _marked(str(text))]) for role, each in pieces]
    places = [piece for _, each in pieces for piece in each if isinstance(piece, Shown)]
    if images and not places:
        first = next((each for role, each in pieces if role == Role.USER), None)
        if first is None:
            raise Unreadable("no turn of the user")
        places = [Shown()] * len(images)
        first[:0] = places
    return Draft(tuple(_turn(role, each) for role, each in pieces), _in_order(places, images))


def _marked(text: str) -> list[str | Shown]:
    """Return a text cut at its placeholders, without the line ends around them."""
    texts = text.split(MARK)
    parts: list[str | Shown] = []
    for number, each in enumerate(texts):
        if number:
            parts.append(Shown())
            each = each.lstrip(LINE_ENDS)
        parts.append(each.rstrip(LINE_ENDS) if number < len(texts) - 1 else each)
    return parts


def _turn(role: Role, pieces: Sequence[str | Shown]) -> Turn:
    """Return a turn without the white space around it; what stands between its parts is kept."""
    parts: list[Part] = [IMAGE if isinstance(piece, Shown) else piece for piece in pieces if piece != ""]
    while parts and parts[0] is not IMAGE and not parts[0].strip():
        del parts[0]
    while parts and parts[-1] is not IMAGE and not parts[-1].strip():
        del parts[-1]
    # White space between an image and the end of the turn around the text says nothing either.
    first = next((index for index, part in enumerate(parts) if part is not IMAGE), None)
    last = next((index for index in reversed(range(len(parts))) if parts[index] is not IMAGE), None)
    if first is not None and last is not None:
        parts[first] = str(parts[first]).lstrip()
        parts[last] = str(parts[last]).rstrip()
    return Turn(role, tuple(part for part in parts if part != ""))


def _in_order(places: Sequence[Shown], images: Sequence[Any]) -> tuple[Any, ...]:
    """Return the images in the order of their places."""
    if any(place.image is not None for place in places):
        if images or any(place.image is None for place in places):
            raise Unreadable("some of its images stand in its turns, others beside them")
        return tuple(place.image for place in places)
    if len(places) != len(images):
        raise Unreadable(f"{len(images)} images, but {len(places)} places for them")
    numbers = [index if place.index is None else place.index for index, place in enumerate(places)]
    if sorted(numbers) != list(range(len(images))):
        raise Unreadable(f"its turns show the images {numbers}, but it has {len(images)}")
    return tuple(images[number] for number in numbers)

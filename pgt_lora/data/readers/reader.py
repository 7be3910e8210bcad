"""What a reader is: one form that rows of other people's data come in; and what all readers share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pgt_lora.data.readers.values import Unreadable, is_given, shortened, text_of, written, written_list
from pgt_lora.data.turns import IMAGE, Part, Role, Turn

MARK = "<image>"  # where an image stands, in texts
NONE = "none"  # what --columns says where there is no such column
IGNORED_ELSEWHERE = ("loss", "loss_scale", "weight", "tool_calls", "function_call")  # in a turn, to other trainers
UNREAD = ("video", "videos", "audio", "audios", "tools", "rejected_response")

# What every reader looks for beside its own columns, the likeliest name first.
SHARED: dict[str, tuple[str, ...]] = {
    "image": (
        "images", "image", "image_paths", "image_path", "file_names", "file_name", "image_urls", "image_url", "img",
    ),
    "choices": ("choices", "options"),
    "answer": ("answer",),
    "answer_format": ("answer_format",),
    "task": ("task",),
    "group": ("group",),
    "system": ("system",),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One row as a file holds it. `names` are the columns that may play a role, the likeliest first."""

    values: Mapping[str, Any]
    names: Mapping[str, tuple[str, ...]]

    def column(self, role: str) -> str | None:
        """Return the column that plays a role in this row, or None where none of them says anything."""
        return next((name for name in self.names.get(role, ()) if is_given(self.values.get(name))), None)

    def get(self, role: str) -> Any:
        """Return what the row says in a role, or None."""
        column = self.column(role)
        return None if column is None else self.values[column]

    def need(self, role: str) -> Any:
        """Return the same; raise `Unreadable` where the row says nothing."""
        value = self.get(role)
        if value is None:
            names = self.names.get(role, (role,))
            if empty := next((name for name in names if name in self.values), None):
                raise Unreadable(f"its {empty} is empty")
            raise Unreadable(f"no {role} (looked for {', '.join(names)})")
        return value

    def texts(self, role: str) -> tuple[str, ...] | None:
        """Return a list of texts, also where a table writes it as one text; None where the row says nothing."""
        value = self.get(role)
        if value is None:
            return None
        listed = written_list(value) if isinstance(value, str) else value
        if not isinstance(listed, list):
            raise Unreadable(f"its {role} are {shortened(value)}; a list of texts is needed")
        return tuple(written(each, f"one of its {role}").strip() for each in listed)

    def entries(self, role: str) -> Any:
        """Return a list that the row must have, also where a table writes it as one text."""
        value = self.need(role)
        return (written_list(value) or value) if isinstance(value, str) else value

    def images(self) -> list[Any]:
        """Return the images that the row names, each as it names it."""
        value = self.get("image")
        if isinstance(value, str) and value.startswith("["):
            value = written_list(value) or value
        return (
            [each for each in value if is_given(each)] if isinstance(value, list) else [] if value is None else [value]
        )


@dataclass(frozen=True)
class Shown:
    """The place of an image in a turn: one that stands there, that of a number, or the next of the row's."""

    image: Any = None
    index: int | None = None


Content = str | Sequence[str | Shown]


@dataclass(frozen=True)
class Draft:
    """A row that was read: its turns, and what it says of its images, in the order of their places."""

    turns: tuple[Turn, ...]
    images: tuple[Any, ...]


@dataclass(frozen=True)
class Reader:
    """One form of rows.

    `columns` are those without which a row is not of that form: what each is, and the names that it has. `read(row)`
    returns what is said, turn by turn, and raises `Unreadable`.
    """

    name: str
    columns: Mapping[str, tuple[str, ...]]
    read: Callable[[Row], list[tuple[Role, Content]]]

    def names(self, columns: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """Return the columns that may play each role, given what the user says."""
        said = {role: () if name == NONE else (name,) for role, name in columns.items()}
        return {**SHARED, **self.columns, **said}


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
            each = each.lstrip("\n")
        parts.append(each.rstrip("\n") if number < len(texts) - 1 else each)
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

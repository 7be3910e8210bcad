"""What a reader is: one form that rows of other people's data come in; and what all readers share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pgt_lora.data.readers.values import Unreadable, is_given, shortened, written, written_list
from pgt_lora.data.turns import Role

NONE = "none"  # what --columns says where there is no such column
IGNORED_ELSEWHERE = (  # in a turn, to other trainers
    "loss", "loss_scale", "weight", "train", "training", "mask", "prefix", "reasoning_content", "reasoning", "thinking",
    "tool_calls", "function_call", "tool_call_id", "name", "refusal", "audio",
)  # fmt: skip

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
        if value is None or (isinstance(value, str) and not value.strip()):
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

"""A row of other people's data on its way to a sample: its turns, its answer's format, and where its images are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.plugins import discover
from pgt_lora.data.readers.answers import Answer, infer
from pgt_lora.data.readers.draft import draft
from pgt_lora.data.readers.pictures import Album, Picture
from pgt_lora.data.readers.reader import SHARED, Reader, Row
from pgt_lora.data.readers.values import Unreadable, shortened, written
from pgt_lora.data.sample import Sample
from pgt_lora.data.turns import IMAGE, Role, Turn

SIDES = ("train", "test")  # what a column that divides the rows may say


@dataclass(frozen=True)
class Item:
    """A row that was read, but for its images' bytes.

    `row` tells which columns were read. `side` is what the column that divides the rows says, `group` what the row says
    of which images belong together.
    """

    row: Row
    turns: tuple[Turn, ...]
    answer: Answer
    pictures: tuple[Picture, ...]
    task: str
    group: str | None
    side: str | None

    def sample(self, name: str, source: str, group: str, images: tuple[bytes, ...]) -> Sample:
        """Return the row as a sample.

        Raises:
            InputError: it would mean nothing.
        """
        *history, asked, answered = self.turns
        question = asked.parts[asked.num_images :]
        # One text behind its images is the plain form of a question.
        plain = len(question) == 1 and question[0] is not IMAGE
        return Sample(
            id=name,
            images=images,
            question=str(question[0]) if plain else asked.parts,
            answer=self.answer.text,
            source=source,
            task=self.task,
            template="A",
            answer_format=self.answer.format.value,
            group=group,
            choices=self.answer.choices,
            paths=tuple(picture.name for picture in self.pictures),
            completion=answered.text,
            history=tuple(history),
        )


@dataclass(frozen=True)
class Reading:
    """How the rows of one table are read: as what, where their images are, and which column divides them."""

    source: str
    reader: Reader
    names: Mapping[str, tuple[str, ...]]
    album: Album
    split_column: str | None = None

    def item(self, values: Any) -> Item:
        """Read one row.

        Raises:
            Unreadable: it cannot be read, or an image is not there.
        """
        if isinstance(values, InputError):
            raise Unreadable(str(values)) from values
        if not isinstance(values, dict):
            raise Unreadable(f"{shortened(values)} is no row with names of columns")
        row = Row(values, self.names)
        read = draft(self.reader, row)
        if [turn.role for turn in read.turns[-2:]] != [Role.USER, Role.ASSISTANT]:
            raise Unreadable("it does not end with a question of the user and the assistant's answer")
        if read.turns[-1].num_images:
            raise Unreadable("an image in the answer; only the user shows images")
        said = read.turns[-1].text
        stated = None if "answer" in self.reader.columns else row.get("answer")
        scored = said if stated is None else written(stated, "its answer")
        answer = infer(read.turns[-2].text, scored, row.texts("choices"), row.get("answer_format"))
        pictures = tuple(map(self.album.find, read.images))
        group = row.get("group")
        task = row.get("task")
        return Item(
            row, read.turns, answer, pictures, self.source if task is None else str(task),
            None if group is None else str(group), self._side(values),
        )  # fmt: skip

    def _side(self, values: Mapping[str, Any]) -> str | None:
        if self.split_column is None:
            return None
        side = values.get(self.split_column)
        if side not in SIDES:
            raise Unreadable(f"its {self.split_column} is {shortened(side)}; known: {', '.join(SIDES)}")
        return str(side)


def reader_for(values: Any, columns: Mapping[str, str], where: str) -> Reader:
    """Return the reader for rows such as this one; `columns` are those that the user names, by what they are.

    Raises:
        InputError: none reads them, several do, or the user names what no reader knows.
    """
    readers: dict[str, Reader] = discover("pgt_lora.data.readers", "READER")
    roles = {*SHARED, *(role for reader in readers.values() for role in reader.columns)}
    if unknown := [role for role in columns if role not in roles]:
        raise InputError(f"--columns {unknown[0]}=…: known: {choices(roles)}")
    if isinstance(values, InputError) or not isinstance(values, dict):
        raise InputError(f"{where}: {values if isinstance(values, InputError) else 'not a row with column names'}")
    own = {role for role in columns if role not in SHARED}
    able = [reader for reader in readers.values() if own <= set(reader.columns) and _reads(reader, values, columns)]
    if len(able) != 1:
        known = "; ".join(f"{name}: {', '.join(reader.columns)}" for name, reader in readers.items())
        what = f"is read as {choices(reader.name for reader in able)}" if able else "is of no known form"
        raise InputError(
            f"{where}: with the columns {', '.join(map(str, values))} it {what} ({known}); map the columns, such as "
            "--columns question=q,answer=a,image=img"
        )
    return able[0]


def _reads(reader: Reader, values: Mapping[str, Any], columns: Mapping[str, str]) -> bool:
    names = reader.names(columns)
    return all(any(name in values for name in names[role]) for role in reader.columns)

"""The Cauldron's form: `texts` of a user's and an assistant's part each, all of them about the row's images."""

from typing import Any

from pgt_lora.data.readers.reader import Content, Reader, Row
from pgt_lora.data.readers.values import Unreadable, shortened, text_of
from pgt_lora.data.turns import Role


def read(row: Row) -> list[tuple[Role, Content]]:
    """Return the turns of `texts`; what else a part says, such as its source, is not read."""
    parts = row.entries("texts")
    if not isinstance(parts, list):
        raise Unreadable(f"its texts are {shortened(parts)}, which is no list")
    return [turn for part in parts for turn in _turns(part)]


def _turns(part: Any) -> list[tuple[Role, Content]]:
    if not isinstance(part, dict) or not {"user", "assistant"} <= set(part):
        raise Unreadable(f"a text {shortened(part)} without user and assistant")
    return [(role, text_of(part[role.value], role.value)) for role in (Role.USER, Role.ASSISTANT)]


READER = Reader("cauldron", {"texts": ("texts",)}, read)

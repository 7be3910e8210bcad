"""TRL's prompt and completion: both texts, or both lists of messages."""

from typing import Any

from pgt_lora.data.readers.messages import said
from pgt_lora.data.readers.reader import Content, Reader, Row
from pgt_lora.data.turns import Role


def read(row: Row) -> list[tuple[Role, Content]]:
    """Return the turns of the prompt, then those of the completion."""
    return _turns(row.need("prompt"), "prompt", Role.USER) + _turns(
        row.need("completion"), "completion", Role.ASSISTANT
    )


def _turns(value: Any, what: str, role: Role) -> list[tuple[Role, Content]]:
    return [(role, value)] if isinstance(value, str) else said(value, what)


READER = Reader("prompt-completion", {"prompt": ("prompt",), "completion": ("completion",)}, read)

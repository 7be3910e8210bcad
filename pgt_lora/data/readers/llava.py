"""LLaVA's and ShareGPT's form: `conversations` of turns that say whom they are from."""

from typing import Any

from pgt_lora.data.readers.reader import IGNORED_ELSEWHERE, Content, Reader, Row
from pgt_lora.data.readers.values import Unreadable, is_given, shortened, text_of
from pgt_lora.data.turns import Role

SPEAKERS = {
    "human": Role.USER, "user": Role.USER, "gpt": Role.ASSISTANT, "chatgpt": Role.ASSISTANT, "model": Role.ASSISTANT,
    "assistant": Role.ASSISTANT, "bing": Role.ASSISTANT, "bard": Role.ASSISTANT, "system": Role.SYSTEM,
}  # fmt: skip


def read(row: Row) -> list[tuple[Role, Content]]:
    """Return the turns of `conversations`; images stand where the texts say `<image>`."""
    entries = row.entries("conversations")
    if not isinstance(entries, list):
        raise Unreadable("its conversations are no list")
    return [_turn(entry) for entry in entries]


def _turn(entry: Any) -> tuple[Role, str]:
    if not isinstance(entry, dict) or not {"from", "value"} <= set(entry):
        with_roles = isinstance(entry, dict) and "role" in entry
        hint = "; for role and content, pass --columns messages=conversations" if with_roles else ""
        raise Unreadable(f"a turn without from and value{hint}")
    if ignored := [name for name in IGNORED_ELSEWHERE if is_given(entry.get(name))]:
        raise Unreadable(f"a turn with {ignored[0]}, which would be ignored")
    if str(entry["from"]) not in SPEAKERS:
        raise Unreadable(f"a turn from {shortened(entry['from'])}; known: {', '.join(SPEAKERS)}")
    return SPEAKERS[entry["from"]], text_of(entry["value"], "turn")


READER = Reader("llava", {"conversations": ("conversations", "conversation")}, read)

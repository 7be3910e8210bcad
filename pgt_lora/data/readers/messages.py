"""Messages: turns of a role and a content, which is a text or a list of parts, as TRL and OpenAI write them."""

from typing import Any

from pgt_lora.data.readers.reader import IGNORED_ELSEWHERE, Content, Reader, Row, Shown
from pgt_lora.data.readers.values import Unreadable, is_given, shortened, text_of
from pgt_lora.data.turns import Role

TEXT_TYPES = ("text", "input_text", "output_text")
IMAGE_TYPES = ("image", "image_url", "input_image")
IMAGE_KEYS = ("image", "image_url", "url", "path", "base64", "bytes")


def read(row: Row) -> list[tuple[Role, Content]]:
    """Return the turns of `messages`."""
    return said(row.entries("messages"), "messages")


def said(messages: Any, what: str) -> list[tuple[Role, Content]]:
    """Return the turns of a list of messages.

    Raises:
        Unreadable: it is none, or one has a role or a part that is not known.
    """
    if not isinstance(messages, list):
        raise Unreadable(f"its {what} are no list")
    turns: list[tuple[Role, Content]] = []
    for message in messages:
        if not isinstance(message, dict) or "role" not in message:
            raise Unreadable(f"a message without a role in its {what}")
        if ignored := [name for name in IGNORED_ELSEWHERE if is_given(message.get(name))]:
            raise Unreadable(f"a message with {ignored[0]}, which would be ignored")
        role = "system" if message["role"] == "developer" else message["role"]
        if role not in list(Role):
            raise Unreadable(f"a message of {shortened(role)}; known: {', '.join(Role)}")
        content = message.get("content")
        if isinstance(content, list):
            turns.append((Role(role), [_part(part) for part in content]))
        else:
            turns.append((Role(role), text_of(content, "message")))
    return turns


def _part(part: Any) -> str | Shown:
    """Return a text, or the place of an image; columns of other parts may stand beside it, empty."""
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in TEXT_TYPES:
        return text_of(part.get("text"), "text")
    if kind not in IMAGE_TYPES:
        raise Unreadable(f"a part {shortened(part)}; text, image and image_url are read")
    image = next((part[name] for name in IMAGE_KEYS if is_given(part.get(name))), None)
    if isinstance(image, dict) and is_given(image.get("url")):
        image = image["url"]
    elif image is not None and image is part.get("base64"):
        image = f"data:;base64,{image}"
    return Shown(image, part.get("index"))


READER = Reader("messages", {"messages": ("messages",)}, read)

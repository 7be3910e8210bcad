"""Text from outside does nothing to Markdown, to its fences or to the terminal."""

import pytest

from pgt_lora.core.html import fence, markdown
from pgt_lora.core.terminal import bold, console, track

HOSTILE = "[/red] :cat: | `x` **b** <img src=x> [a](b)\n# head \\ _i_"


def test_markdown_is_shown_and_not_read() -> None:
    shown = markdown(HOSTILE)
    assert "\n" not in shown
    plain = shown.replace("\\\\", "")
    for mark in "|`*<>[]#_":
        assert plain.count(mark) == plain.count("\\" + mark)
    assert markdown("relation") == "relation"


@pytest.mark.parametrize(("text", "length"), [("a", 3), ("```", 4), ("a ````` b", 6), ("", 3)])
def test_nothing_ends_a_fence(text: str, length: int) -> None:
    assert fence(text) == "`" * length


def test_the_terminal_shows_names_as_they_are() -> None:
    with console.capture() as captured:
        console.print("runs/[/red]/[bold]x", ":cat:", bold("important"), soft_wrap=True)
        assert list(track([1], 1, "Writing [/red]")) == [1]
    shown = captured.get()
    for part in ("runs/[/red]/[bold]x", ":cat:", "important", "Writing [/red]"):
        assert part in shown

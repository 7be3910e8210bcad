"""Every page: what a screen reader, a keyboard and a narrow screen need of it."""

import re
from html.parser import HTMLParser

import pytest

from pgt_lora.data.probes import probe_data
from pgt_lora.models.names import resolve
from tests.support import planted
from tests.support.diagnoses import SMALL
from tests.support.pages import pages

VOID = {"meta", "img", "input", "br"}


class Elements(HTMLParser):
    """All elements of a page: tag, attributes, and the tags in which each lies."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.titles: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-2:] == ["svg", "title"]:
            self.titles.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGT_LORA_HOME", str(tmp_path_factory.mktemp("root")))
        probes = probe_data(20, SMALL)
    recipe = resolve("tiny-qwen2.5-vl", []).recipe
    paths = pages(tmp_path_factory.mktemp("pages"), recipe, probes, planted.color_alone)
    return {name: path.read_text(encoding="utf-8") for name, path in paths.items()}


@pytest.fixture(scope="module")
def elements(written: dict[str, str]) -> dict[str, Elements]:
    return {name: Elements(text) for name, text in written.items()}


def test_every_header_of_a_table_says_what_it_heads(elements: dict[str, Elements]) -> None:
    for name, page in elements.items():
        headers = [attributes for tag, attributes, _ in page.found if tag == "th"]
        assert headers, name
        assert [each for each in headers if each.get("scope") not in ("col", "row")] == [], name


def test_every_chart_and_image_has_its_words(elements: dict[str, Elements]) -> None:
    for name, page in elements.items():
        charts = [attributes for tag, attributes, _ in page.found if tag == "svg"]
        assert charts, name
        assert {each.get("role") for each in charts} == {"img"}
        assert len(page.titles) == len(charts) and all(page.titles), name
        assert all(attributes["alt"] for tag, attributes, _ in page.found if tag == "img")


def test_a_keyboard_reaches_whatever_scrolls_or_opens(elements: dict[str, Elements]) -> None:
    for name, page in elements.items():
        scrolling = [each for _, each, _ in page.found if {"scroll", "tall"} & set((each.get("class") or "").split())]
        assert scrolling, name
        assert {each.get("tabindex") for each in scrolling} == {"0"}, name
        details = [inside for tag, _, inside in page.found if tag == "summary"]
        assert all(inside[-1] == "details" for inside in details)
        pictures = {tag for tag, each, _ in page.found if "picture" in (each.get("class") or "").split()}
        assert pictures <= ({"button"} if any(tag == "dialog" for tag, *_ in page.found) else {"span"}), name


def test_rows_have_as_many_cells_on_a_narrow_screen(written: dict[str, str]) -> None:
    """What a narrow screen hides in the head of a table, it hides in its body."""
    num_seen = 0
    for name, text in written.items():
        for table in re.findall(r"<table.*?</table>", text, re.DOTALL):
            rows = [re.findall(r"<t[dh]([^>]*)>", row) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]
            hidden = [["minor" in cell for cell in row for _ in range(span(cell))] for row in rows]
            num_seen += any(hidden[0])
            assert all(row == hidden[0] for row in hidden), (name, table[:300])
    assert num_seen > 6


def span(cell: str) -> int:
    found = re.search(r'colspan="(\d+)"', cell)
    return int(found[1]) if found else 1


def test_a_page_asks_for_no_color_that_only_one_scheme_has(written: dict[str, str]) -> None:
    for text in written.values():
        assert "oklch" not in text
        light, dark = (
            set(re.findall(r"--(\w+):", each)) for each in re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2]
        )
        assert light - dark == {"color"}  # a color of the palette, which both have

"""The documentation's site: every page is in it, and every link between pages leads somewhere."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
LINK = re.compile(r"!?\[(?:[^\[\]\\]|\\.)*\]\(([^()\s]+)\)")


def leaves(nav: object) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [leaf for part in (nav.values() if isinstance(nav, dict) else nav) for leaf in leaves(part)]  # type: ignore[attr-defined]


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and mkdocs make them."""
    heads = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_every_page_is_in_the_navigation_and_in_the_index() -> None:
    site = yaml.safe_load((ROOT / ".mkdocs.yml").read_text(encoding="utf-8"))
    names = [page.name for page in PAGES]
    assert len(names) > 15
    assert sorted(leaves(site["nav"])) == names
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [name for name in names if name != "index.md" and f"]({name})" not in index] == []


def test_links_lead_somewhere() -> None:
    broken, num_links = [], 0
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]:
        for link in LINK.findall(prose(page)):
            if "://" in link:
                continue
            num_links += 1
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            leaves_docs = page.parent == DOCS and not target.resolve().is_relative_to(DOCS)
            if not target.exists() or leaves_docs or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.name}: {link}")
    assert num_links > 100
    assert broken == []


def test_every_exported_name_is_on_the_page_of_the_api() -> None:
    import pgt_lora

    page = (DOCS / "api.md").read_text(encoding="utf-8")
    shown = re.findall(r"^::: (\S+)$", page, re.MULTILINE)
    for name in pgt_lora.__all__:
        home = pgt_lora._ELSEWHERE.get(name, "pgt_lora.studies.by_name")
        assert f"{home}.{name}" in shown or home in shown, name

"""The commands that the README and the pages under docs/ show in fenced blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SCRIPT = r"(?:\.venv/bin/)?pgt-lora"


@dataclass(frozen=True)
class Shown:
    """One command of a page, on one line."""

    page: str
    line: str

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def shown(program: str) -> list[Shown]:
    """Return the fenced commands of all pages that begin with a program, a regular expression."""
    commands = []
    for page in PAGES:
        for block in FENCE.findall(page.read_text(encoding="utf-8")):
            lines = block.replace("\\\n", " ").splitlines()
            found = [line.strip() for line in lines if re.match(rf"\s*(?:{program})(?:\s|$)", line)]
            commands += [Shown(page.relative_to(ROOT).as_posix(), line) for line in found]
    return commands


def mentioned(program: str) -> list[Shown]:
    """Return what stands between single backticks outside of fenced blocks and begins with a program and a word."""
    found = []
    for page in PAGES:
        prose = FENCE.sub("", page.read_text(encoding="utf-8"))
        for code in re.findall(r"`([^`]+)`", prose):
            if re.match(rf"{program}\s+\S", code):
                found.append(Shown(page.relative_to(ROOT).as_posix(), " ".join(code.split())))
    return found

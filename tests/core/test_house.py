"""The house rules: no file is long, and everything public says what it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 220
# Tables of data that may be longer, each with the reason.
LONG_TABLES: dict[str, str] = {}
Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def public(node: ast.Module | ast.ClassDef, name: str) -> Iterator[tuple[str, Documented]]:
    """Yield every public class and function, and those of public classes, with their names."""
    for child in node.body:
        if isinstance(child, Documented) and not child.name.startswith("_"):
            yield f"{name}:{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from public(child, f"{name}:{child.name}")


def test_no_file_is_long() -> None:
    found = files("pgt_lora", "tests")
    assert len(found) > 100
    sizes = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in found}
    too_long = {name: size for name, size in sizes.items() if size > MAX_LINES and name not in LONG_TABLES}
    assert too_long == {}
    assert all(name.startswith("tests/support/") and sizes[name] > MAX_LINES for name in LONG_TABLES)


def test_everything_public_has_a_docstring() -> None:
    bare, num_seen = [], 0
    for path in files("pgt_lora"):
        module = ast.parse(path.read_text(encoding="utf-8"))
        name = str(path.relative_to(ROOT))
        parts = path.relative_to(ROOT).with_suffix("").parts
        if any(part.startswith("_") and part not in ("__init__", "__main__") for part in parts):
            continue
        for label, node in [(name, module), *public(module, name)]:
            num_seen += 1
            if not ast.get_docstring(node):
                bare.append(label)
    assert num_seen > 300
    assert bare == []

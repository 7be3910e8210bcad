"""The order of the layers where import-linter cannot see it: module names inside strings."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "pgt_lora"
CONTRACT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"][0]
LAYERS = CONTRACT["layers"][::-1]  # the first imports from none
# `pgt_lora.x.y`, `pgt_lora/x/y.py`; a trailing point is where an f-string goes on.
NAME = re.compile(r"\bpgt_lora((?:[./]\w+)+)")
STARTED = re.compile(r"-m pgt_lora(?![\w.])")
DISCOVERING = ("discover", "lookup")


class Mention(NamedTuple):
    """A string of the library that names a module: where it stands, what it names, and whether a person reads it."""

    path: Path
    line: int
    parts: tuple[str, ...]
    prose: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {'.'.join(('pgt_lora', *self.parts))}"


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def docstrings(tree: ast.Module) -> set[ast.AST]:
    """The constants that are docstrings, or any other string that stands alone."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def mentions() -> Iterator[Mention]:
    for path, tree in trees():
        prose = docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for found in NAME.finditer(node.value):
                    parts = tuple(re.split("[./]", found[1].removesuffix(".py"))[1:])
                    yield Mention(path, node.lineno, parts, node in prose or "/" in found[1])


def layer_of(path: Path) -> str:
    """The layer of a file; those beside the layers are the whole's."""
    return path.relative_to(PACKAGE).parts[0]


def exists(parts: tuple[str, ...]) -> bool:
    """Tell whether the parts name a module, a folder, or what a module defines."""
    place = PACKAGE.joinpath(*parts)
    if place.is_dir() or place.with_suffix(".py").is_file():
        return True
    holder = place.parent.with_suffix(".py") if len(parts) > 1 else PACKAGE / "__init__.py"
    holder = holder if holder.is_file() else place.parent / "__init__.py"
    return holder.is_file() and re.search(rf"^(def |class )?{parts[-1]}\b", holder.read_text("utf-8"), re.M) is not None


def test_the_layers_are_those_of_the_package() -> None:
    assert sorted(LAYERS) == sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
    assert (LAYERS[0], LAYERS[-1]) == ("core", "cli")


def test_names_in_strings_are_of_modules_that_exist() -> None:
    found = list(mentions())
    assert len([each for each in found if not each.prose]) >= 10
    assert len([each for each in found if each.prose]) >= 5
    assert [str(each) for each in found if not exists(each.parts)] == []


def test_names_in_strings_keep_the_order() -> None:
    found = [each for each in mentions() if not each.prose and layer_of(each.path) in LAYERS]
    started = {each.parts for each in found}
    assert {("export",), ("training",), ("data", "tasks")} <= started
    wrong = [str(each) for each in found if LAYERS.index(each.parts[0]) > LAYERS.index(layer_of(each.path))]
    assert wrong == []


def test_no_library_layer_starts_the_command_line() -> None:
    wrong, num_seen = [], 0
    for path, tree in trees():
        prose = docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.List | ast.Tuple | ast.Call):
                words = [each.value if isinstance(each, ast.Constant) else None for each in elements(node)]
                after = [words[index + 1] for index, word in enumerate(words[:-1]) if word == "-m"]
                num_seen += "-m" in words
                starts = "pgt_lora" in after
            else:
                value = node.value if isinstance(node, ast.Constant) and node not in prose else None
                starts = isinstance(value, str) and STARTED.search(value) is not None
            if starts and layer_of(path) in LAYERS:
                wrong.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert num_seen >= 3
    assert wrong == []


def elements(node: ast.List | ast.Tuple | ast.Call) -> list[ast.expr]:
    return node.args if isinstance(node, ast.Call) else node.elts


def test_trl_is_imported_by_the_layer_that_trains_and_by_none_above() -> None:
    importing = {layer_of(path) for path, tree in trees() if "trl" in imported_at_once(tree)}
    assert "training" in importing
    # Scoring and verification would wait for it.
    assert importing.isdisjoint(LAYERS[: LAYERS.index("training")])


def imported_at_once(tree: ast.Module) -> set[str]:
    """The packages that a module imports when it is imported itself."""
    names = [each.module or "" for each in tree.body if isinstance(each, ast.ImportFrom)]
    names += [alias.name for each in tree.body if isinstance(each, ast.Import) for alias in each.names]
    return {name.partition(".")[0] for name in names}


def test_what_is_discovered_is_there() -> None:
    asked = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DISCOVERING:
                asked.add(tuple(each.value for each in node.args[:2] if isinstance(each, ast.Constant)))
    asked.discard(())  # `lookup` hands its own arguments on
    assert len(asked) >= 3
    for package, attribute in asked:
        folder = Path(str(import_module(package).__file__)).parent
        assert len([path for path in folder.glob("*.py") if f"\n{attribute} = " in path.read_text("utf-8")]) >= 3

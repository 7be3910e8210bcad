"""What recipe files and the command line say, as YAML values."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pgt_lora.core.errors import InputError


def read_values(path: Path) -> dict[str, Any]:
    """Return the flat mapping that a recipe file holds."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), RecipeLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InputError(f"{path}: a recipe is a flat mapping of `field: value` lines")
    return values


class RecipeLoader(yaml.SafeLoader):
    """YAML in which 1e-5 is a number wherever it stands and dates are text, as in YAML 1.2; no field is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping whose keys are all different."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


RecipeLoader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
RecipeLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(?:\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def yaml_value(word: str) -> Any:
    """Read a word of the command line as YAML.

    Raises:
        InputError: it is none.
    """
    try:
        return yaml.load(word, RecipeLoader)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{word!r}: cannot be read as YAML: {' '.join(str(error).split())}") from error


def parse_overrides(words: Sequence[str]) -> dict[str, Any]:
    """Read `--field value`, `--field=value` and bare `--flag` (true) as YAML values."""
    values: dict[str, Any] = {}
    waiting: str | None = None
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            waiting = name.replace("-", "_")
            values[waiting] = yaml_value(value) if equals else True
            if equals:
                waiting = None
        elif waiting is None:
            raise InputError(f"{word!r}: overrides are given as --field value")
        else:
            values[waiting] = yaml_value(word)
            waiting = None
    return values

"""A composed recipe in, text out: every value, and the file that it came from.

Reads and writes nothing.
"""

import math
from collections.abc import Iterator
from typing import Any

import yaml

from edgebake.recipe import Recipe, files
from edgebake.recipe.stage_params import to_plain


def text(recipe: Recipe, origins: dict[str, str]) -> str:
    """Return YAML whose comments name the origin of each value."""
    lines = list(_lines(to_plain(recipe), "", 0))
    width = max(len(line) for line, key in lines if key)
    return "\n".join(
        f"{line:{width}}  # {_origin(key, origins)}" if key else line for line, key in lines
    )


def _lines(node: dict[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for word, value in node.items():
        key = f"{prefix}.{word}" if prefix else word
        if isinstance(value, dict):
            yield f"{'  ' * depth}{word}:", ""
            yield from _lines(value, key, depth + 1)
        else:
            yield f"{'  ' * depth}{word}: {_scalar(value)}", key


def _scalar(value: Any) -> str:
    # Inside a list in one line, YAML quotes whatever would read as something else.
    return yaml.safe_dump(
        [value], default_flow_style=True, allow_unicode=True, width=math.inf
    ).rstrip()[1:-1]


def _origin(key: str, origins: dict[str, str]) -> str:
    while key not in origins and "." in key:
        key = key.rpartition(".")[0]
    return origins.get(key) or files.shown(files.find("recipe"))

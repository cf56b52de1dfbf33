"""Print a composed recipe as YAML, with the file that each value comes from."""

import math
from collections.abc import Iterator, Mapping

import yaml

from edgebake.documents import strict_yaml
from edgebake.recipe import Recipe, files
from edgebake.recipe.typed_values import to_plain

INDENT = "  "


def text(recipe: Recipe, origins: Mapping[str, str]) -> str:
    """Return YAML with the origin of each value as a comment.

    Args:
        recipe: composed, without interpolations.
        origins: file by key; a key without origin has that of the key above it.
    """
    lines = list(_lines(to_plain(recipe), "", ""))
    width = max(len(line) for line, key in lines if key)
    commented = []
    for line, key in lines:
        if key:
            origin = _origin(key, origins)
            commented.append(f"{line:{width}}  # {origin}")
        else:
            commented.append(line)
    return "\n".join(commented)


def _lines(node: Mapping[str, object], prefix: str, indent: str) -> Iterator[tuple[str, str]]:
    """Yield each line of YAML and the key of its value; a line without value has no key."""
    for name, value in node.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and value:
            yield f"{indent}{name}:", ""
            yield from _lines(value, f"{key}.", indent + INDENT)
        else:
            yield f"{indent}{name}: {_format(value)}", key


def _format(value: object) -> str:
    """Return a value in flow style, quoted as it has to be inside a list."""
    dumped = yaml.dump(
        [value],
        Dumper=strict_yaml.Dumper,
        default_flow_style=True,
        allow_unicode=True,
        width=math.inf,
    )
    bracketed = dumped.rstrip()
    return bracketed[1:-1]


def _origin(key: str, origins: Mapping[str, str]) -> str:
    while key not in origins and "." in key:
        key, _, _ = key.rpartition(".")
    if key in origins:
        return origins[key]
    return files.shown(files.find("recipe"))

"""Find the file that set a value of a target's recipe."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edgebake.plan import defaults_list, recipe_source
from edgebake.recipe import files as recipe_files
from edgebake.recipe.files import find, shown, shown_option

COMMAND_LINE = "command line"


def of_values(target_name: str, overrides: Sequence[str]) -> dict[str, str]:
    """Return the file that set each value of a target's recipe, by dotted key."""
    from edgebake.plan import hydra_compose  # imports Hydra

    files: dict[str, str] = {}
    for merged in hydra_compose.merged_files(target_name, overrides):
        path = find(merged.config)
        for key in _keys_in_file(path, merged.package):
            files[key] = shown(path)
    for override in overrides:
        key = override.lstrip("+~").split("=", 1)[0]
        # The name of a group picks another file, which is among the defaults already.
        if recipe_files.is_group(key):
            continue
        for known_key in list(files):
            if known_key.startswith(f"{key}."):
                files[known_key] = COMMAND_LINE
        files[key] = COMMAND_LINE
    return files


def _keys_in_file(path: Path, prefix: str) -> Iterator[str]:
    """Yield the dotted key of every value in the file of an option."""
    if not path.exists():
        return
    options = recipe_source.read_values(path, prefix)
    yield from _leaf_keys(options, prefix)


def _leaf_keys(node: object, prefix: str) -> Iterator[str]:
    """Yield the dotted key of every value of nested mappings."""
    if not isinstance(node, dict) or not node:
        yield prefix
        return
    for name, value in node.items():
        key = f"{prefix}.{name}" if prefix else str(name)
        yield from _leaf_keys(value, key)


def file_of(key: str, target_name: str, choices: dict[str, str], files: dict[str, str]) -> str:
    """Return the file to correct for a key.

    Args:
        key: dotted key; the name of a group stands for the target's choice of an option.
        target_name: name of the target.
        choices: option by group.
        files: the file that set each value, by dotted key.
    """
    group = key.split(".", maxsplit=1)[0]
    if key == group:
        return shown_option("target", target_name)
    for known_key, file in files.items():
        if known_key == key or known_key.startswith(f"{key}."):
            return file
    return _file_without_value(key, target_name, choices)


def _file_without_value(key: str, target_name: str, choices: dict[str, str]) -> str:
    """Return the option that should set a key: the one that is merged closest above it."""
    group = key.split(".", maxsplit=1)[0]
    if group not in choices:
        return shown_option("target", target_name)
    config = f"{group}/{choices[group]}"
    package = group
    for file in defaults_list.files_of_target(target_name, choices_as_overrides(choices)):
        if key.startswith(f"{file.package}.") and len(file.package) > len(package):
            config, package = file.config, file.package
    return shown(find(config))


def choices_as_overrides(choices: dict[str, str]) -> list[str]:
    """Return the options of a target as overrides of the command line."""
    return [f"{group}={option}" for group, option in choices.items()]

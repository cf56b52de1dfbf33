"""Translate errors of Hydra, OmegaConf and PyYAML into messages for the author of a recipe.

A message names the file, the key, the value, what was expected, and the nearest valid name.
"""

import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import yaml

from edgebake.errors import RecipeError, listed, nearest
from edgebake.recipe import files

_CONFIG = re.compile(r"In '(?P<config>[^']+)': ")
_FULL_KEY = re.compile(r"full_key: (?P<key>\S+)")
_NO_OPTION = re.compile(r"Could not find '(?P<group>[^/']+)/(?P<option>[^']+)'")
_UNKNOWN_KEY = re.compile(r"Key '(?P<key>[^']+)' (?:is )?not in '(?P<type>\w+)'")
_NOT_IN_ENUM = re.compile(
    r"Invalid value '(?P<value>[^']*)', expected one of \[(?P<options>[^\]]*)\]"
)
_WRONG_TYPE = re.compile(
    r"Value '(?P<value>.*)' of type '[\w.]+' could not be converted to (?P<type>\w+)"
)
_NOT_A_MAPPING = re.compile(
    r"Invalid type assigned: \w+ is not a subclass of (?P<class>\w+)\. value: (?P<value>.*)"
)
_NUMBER = re.compile(r"-?[\d.]+(e[-+]?\d+)?")
_NUMBER_LINE = re.compile(r"^number: (?P<number>.*)$", re.MULTILINE)
_NO_CHOICE = re.compile(r"You must specify '(?P<group>\w+)'")
_NO_GROUP = re.compile(r"Could not override '(?P<group>[^']+)'\. No match in the defaults list")
_BAD_OVERRIDE = re.compile(r"Error parsing override '(?P<override>[^']*)'")
_NO_REFERENCE = re.compile(r"Interpolation key '(?P<key>[^']*)' not found")
_WORDS_OF_LIBRARIES = re.compile(
    r"hydra|omegaconf|Config\b|[a-z]Config|Could not override|interpolation|defaults list|override"
    r"|Exception|Error\b|object_type|full_key|multirun|viable|<class",
    re.IGNORECASE,
)
_AVAILABLE = re.compile(r"Available options(?: in '\w+')?:\n(?P<options>(?:\t.*\n?)+)")
_TYPES = {
    "Integer": "a whole number",
    "Float": "a number",
    "Boolean": "true or false",
    "String": "a text",
}


def translate(error: Exception, overrides: Sequence[str], default: str) -> RecipeError:
    """Translate an error of Hydra, OmegaConf or PyYAML.

    Args:
        error: the error as it was raised.
        overrides: the overrides of the command line.
        default: the file to name if the error names none.
    """
    if isinstance(error, yaml.MarkedYAMLError):
        return _not_yaml(error, default)
    text = "\n".join(_message(link) for link in _causes(error))
    key = _key(text)
    location = _location(text, key, overrides, default)
    for rule in RULES:
        problem = rule(text, key)
        if problem:
            return RecipeError(f"{location}: {problem}")
    summary = _first_informative_line(text)
    if _WORDS_OF_LIBRARIES.search(summary):
        summary = "cannot be composed; expected what docs/reference/recipe_fields.md describes"
    if key:
        return RecipeError(f"{location}: {key}: {summary}")
    return RecipeError(f"{location}: {summary}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _message(error: BaseException) -> str:
    """Return the message of an error, with the number that OmegaConf expected to be a list.

    OmegaConf leaves the number out of its message. Hydra hides the error that holds it.
    """
    value = str(getattr(error, "value", getattr(error.__context__, "value", "")))
    if _NUMBER.fullmatch(value):
        return f"{error}\nnumber: {value}"
    return str(error)


def _first_informative_line(text: str) -> str:
    for line in text.splitlines():
        if line and "while composing config" not in line:
            return line.strip()
    return text.strip()


def _key(text: str) -> str:
    match = _FULL_KEY.search(text)
    return match["key"] if match else ""


def _location(text: str, key: str, overrides: Sequence[str], default: str) -> str:
    """Return where the wrong value was set: the command line or a file."""
    no_option = _NO_OPTION.search(text)
    setting = key
    if no_option:
        setting = f"{no_option['group']}={no_option['option']}"
    if "parsing override" in text or _is_overridden(setting, overrides):
        return "command line"
    config = _CONFIG.search(text)
    if config and not no_option:
        return files.shown(files.find(config["config"]))
    return default


def _is_overridden(setting: str, overrides: Sequence[str]) -> bool:
    if not setting:
        return False
    return any(override.lstrip("+~").startswith(setting) for override in overrides)


def _unknown_key(text: str, key: str) -> str | None:
    match = _UNKNOWN_KEY.search(text)
    if not match:
        return None
    known = _keys_of(match["type"])
    return f"{key}: unknown key; {_expected_one_of(known, match['key'])}"


def _not_in_enum(text: str, key: str) -> str | None:
    match = _NOT_IN_ENUM.search(text)
    if not match:
        return None
    options = match["options"].split(", ")
    return f"{key}: {match['value']!r}; {_expected_one_of(options, match['value'])}"


def _wrong_type(text: str, key: str) -> str | None:
    match = _WRONG_TYPE.search(text)
    if not match:
        return None
    return f"{key}: {match['value']!r}; expected {_TYPES.get(match['type'], match['type'])}"


def _not_a_mapping(text: str, key: str) -> str | None:
    match = _NOT_A_MAPPING.search(text)
    if not match:
        return None
    known = listed(_keys_of(match["class"]))
    return f"{key}: {match['value']}; expected the keys {known} below it"


def _not_a_list(text: str, key: str) -> str | None:
    if "is not a ListConfig, list or tuple" not in text:
        return None
    match = _NUMBER_LINE.search(text)
    if not match:
        return f"{key}: expected a list"
    return f"{key}: {match['number']}; expected a list, [{match['number']}]"


def _no_option(text: str, _: str) -> str | None:
    match = _NO_OPTION.search(text)
    if not match:
        return None
    group, option = match["group"], match["option"]
    return f"{group}: no option {option!r}; {_expected_one_of(_available(text), option)}"


def _no_choice(text: str, _: str) -> str | None:
    match = _NO_CHOICE.search(text)
    if not match:
        return None
    expected = f"it has no default, expected one of: {listed(_available(text))}"
    return f"defaults: no '- override /{match['group']}: ...'; {expected}"


def _no_group(text: str, _: str) -> str | None:
    match = _NO_GROUP.search(text)
    if not match:
        return None
    group = match["group"]
    # Imported when it is needed: the package imports this module.
    from edgebake.recipe import option_groups

    return f"defaults: no group {group!r}; {_expected_one_of(option_groups(), group)}"


def _bad_override(text: str, _: str) -> str | None:
    match = _BAD_OVERRIDE.search(text)
    if not match:
        return None
    return (
        f"{match['override']!r} is not an override; expected KEY=VALUE, for example train.epochs=3"
    )


def _reference(text: str, key: str) -> str | None:
    """Say what is wrong with a value that refers to another one: `${model.resolution}`."""
    match = _NO_REFERENCE.search(text)
    if match:
        problem = f"refers to {match['key']!r}, which is no value of the recipe"
        return f"{key}: {problem}; expected the key of one, as in ${{model.resolution}}"
    if "Recursive interpolation" in text or "Interpolation to parent" in text:
        return f"{key}: refers to itself; expected a value"
    if "Missing mandatory value" in text:
        return f"{key}: refers to a value that is missing; expected a value"
    return None


def _expected_one_of(options: Sequence[str], value: str) -> str:
    return f"expected one of: {listed(options)}{nearest(value, options)}"


def _keys_of(name: str) -> list[str]:
    """Return the fields of a dataclass of recipe options or stage parameters, by its name."""
    # stage_params imports this module, so it can only be imported when it is needed.
    for module_name in ("edgebake.recipe", "edgebake.recipe.stage_params"):
        module = importlib.import_module(module_name)
        if hasattr(module, name):
            return [field.name for field in fields(getattr(module, name))]
    return []


def _available(text: str) -> list[str]:
    """Return the options that Hydra lists, one on a line of its own."""
    match = _AVAILABLE.search(text)
    if not match:
        return []
    return [line.strip() for line in match["options"].splitlines()]


def _not_yaml(error: yaml.MarkedYAMLError, default: str) -> RecipeError:
    mark = error.problem_mark
    if mark is None:
        return RecipeError(f"{default}: not YAML: {error.problem}")
    file = files.shown(Path(mark.name))
    return RecipeError(f"{file}: line {mark.line + 1}: not YAML: {error.problem}")


RULES = (
    _reference,
    _unknown_key,
    _not_in_enum,
    _wrong_type,
    _not_a_mapping,
    _not_a_list,
    _no_option,
    _no_choice,
    _no_group,
    _bad_override,
)

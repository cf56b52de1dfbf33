"""Turn what Hydra, OmegaConf and PyYAML raise into: file, key, what is wrong, what was expected."""

import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import yaml

from edgebake.errors import RecipeError, listed, nearest
from edgebake.recipe import files

_FILE = re.compile(r"In '(?P<config>[^']+)': ")
_FULL_KEY = re.compile(r"full_key: (?P<key>\S+)")
_TYPES = {
    "Integer": "a whole number",
    "Float": "a number",
    "Boolean": "true or false",
    "String": "a text",
}


def translate(error: Exception, overrides: Sequence[str], default: str) -> RecipeError:
    """Return the same complaint in edgebake's words; `default` is the file to name where the error names none."""
    if isinstance(error, yaml.MarkedYAMLError):
        return _not_yaml(error, default)
    text = "\n".join(_said(link) for link in _chain(error))
    key = _key(text)
    where = _where(text, key, overrides, default)
    for rule in RULES:
        complaint = rule(text, key)
        if complaint:
            return RecipeError(f"{where}: {complaint}")
    plain = next(
        (line for line in text.splitlines() if line and "while composing config" not in line), text
    )
    return RecipeError(f"{where}: {key}: {plain.strip()}" if key else f"{where}: {plain.strip()}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _said(error: BaseException) -> str:
    """Return a message; behind it the number that was no list, which OmegaConf leaves out of its own."""
    # Hydra's own error hides the one that has it.
    value = str(getattr(error, "value", getattr(error.__context__, "value", "")))
    return (
        f"{error}\nnumber: {value}" if re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?", value) else str(error)
    )


def _key(text: str) -> str:
    found = _FULL_KEY.search(text)
    return found["key"] if found else ""


def _where(text: str, key: str, overrides: Sequence[str], default: str) -> str:
    missing = re.search(r"Could not find '(?P<group>[^/']+)/(?P<option>[^']+)'", text)
    word = f"{missing['group']}={missing['option']}" if missing else key
    if (
        any(override.lstrip("+~").startswith(word) for override in overrides if word)
        or "parsing override" in text
    ):
        return "command line"
    found = _FILE.search(text)
    if found and not missing:
        return files.shown(files.find(found["config"]))
    return default


def _unknown_key(text: str, key: str) -> str | None:
    found = re.search(r"Key '(?P<word>[^']+)' (?:is )?not in '(?P<type>\w+)'", text)
    if not found:
        return None
    known = _words(found["type"])
    return f"{key}: unknown key; expected one of: {listed(known)}{nearest(found['word'], known)}"


def _not_one_of(text: str, key: str) -> str | None:
    found = re.search(
        r"Invalid value '(?P<value>[^']*)', expected one of \[(?P<options>[^\]]*)\]", text
    )
    if not found:
        return None
    options = found["options"].split(", ")
    return f"{key}: {found['value']!r}; expected one of: {listed(options)}{nearest(found['value'], options)}"


def _wrong_type(text: str, key: str) -> str | None:
    found = re.search(
        r"Value '(?P<value>.*)' of type '\w+' could not be converted to (?P<type>\w+)", text
    )
    return (
        found and f"{key}: {found['value']!r}; expected {_TYPES.get(found['type'], found['type'])}"
    )


def _wrong_shape(text: str, key: str) -> str | None:
    found = re.search(
        r"Invalid type assigned: \w+ is not a subclass of (?P<class>\w+)\. value: (?P<value>.*)",
        text,
    )
    if not found:
        return None
    known = _words(found["class"])
    return f"{key}: {found['value']}; expected the keys {listed(known)} below it"


def _not_a_list(text: str, key: str) -> str | None:
    if "is not a ListConfig, list or tuple" not in text:
        return None
    found = re.search(r"^number: (?P<number>.*)$", text, re.MULTILINE)
    return (
        f"{key}: {found['number']}; expected a list, [{found['number']}]"
        if found
        else f"{key}: expected a list"
    )


def _no_option(text: str, _: str) -> str | None:
    found = re.search(r"Could not find '(?P<group>[^/']+)/(?P<option>[^']+)'", text)
    if not found:
        return None
    options = _available(text)
    expected = f"expected one of: {listed(options)}{nearest(found['option'], options)}"
    return f"{found['group']}: no option {found['option']!r}; {expected}"


def _no_choice(text: str, _: str) -> str | None:
    found = re.search(r"You must specify '(?P<group>\w+)'", text)
    expected = f"it has no default, expected one of: {listed(_available(text))}"
    return found and f"defaults: no '- override /{found['group']}: ...'; {expected}"


def _no_group(text: str, _: str) -> str | None:
    found = re.search(
        r"Could not override '(?P<group>[^']+)'\. No match in the defaults list", text
    )
    known = _words("Recipe")
    return found and (
        f"defaults: no group {found['group']!r}; expected one of: {listed(known)}{nearest(found['group'], known)}"
    )


def _bad_override(text: str, _: str) -> str | None:
    found = re.search(r"Error parsing override '(?P<override>[^']*)'", text)
    return (
        found
        and f"{found['override']!r} is not an override; expected KEY=VALUE, train.epochs=3 for one"
    )


def _words(name: str) -> list[str]:
    """Return the keys that a dataclass of the recipe language allows."""
    # stage_params imports this module, so it is looked up when it is needed.
    names = ("edgebake.recipe", "edgebake.recipe.stage_params")
    modules = (importlib.import_module(name) for name in names)
    found = next((getattr(module, name) for module in modules if hasattr(module, name)), None)
    return [field.name for field in fields(found)] if found else []


def _available(text: str) -> list[str]:
    block = re.search(r"Available options(?: in '\w+')?:\n(?P<options>(?:\t.*\n?)+)", text)
    return [line.strip() for line in block["options"].splitlines()] if block else []


def _not_yaml(error: yaml.MarkedYAMLError, default: str) -> RecipeError:
    mark = error.problem_mark
    if mark is None:
        return RecipeError(f"{default}: not YAML: {error.problem}")
    return RecipeError(
        f"{files.shown(Path(mark.name))}: line {mark.line + 1}: not YAML: {error.problem}"
    )


RULES = (
    _unknown_key,
    _not_one_of,
    _wrong_type,
    _wrong_shape,
    _not_a_list,
    _no_option,
    _no_choice,
    _no_group,
    _bad_override,
)

"""Replace the example's texts in recipes/release.yaml by those of the user's model.

The rest of the file stays as it is, with its comments. A release with texts of its own is not
edited.
"""

import re
from dataclasses import dataclass
from typing import Any

from edgebake.cli.init.answers import Answers
from edgebake.cli.init.recipe_yaml import quote
from edgebake.documents import strict_yaml
from edgebake.documents.yaml_text import StrictYamlError
from edgebake.errors import RecipeError
from edgebake.recipe import example_release, files
from edgebake.recipe.example_release import NOT_STATED
from edgebake.recipe.files import RECIPES
from edgebake.recipe.missing import MISSING

FILE = RECIPES / "release.yaml"
SCALARS = ("name", "author", "license", "description")
FLAGS = ("release_name", "description", "intended_use", "limits", "author", "license", "contact")


@dataclass(frozen=True)
class ReleaseTexts:
    """What a release says of its model."""

    name: str
    author: str
    license: str
    description: str
    intended_use: list[str]
    limits: list[str]
    contact: str | None


def has_example_texts() -> bool:
    """Return whether recipes/release.yaml of the project still describes the example's model."""
    if not FILE.is_file():
        return False
    release = files.read(FILE)
    card = release.get("card")
    sentences = [release.get("description")]
    if isinstance(card, dict):
        for key in ("intended_use", "limits"):
            values = card.get(key)
            sentences += values if isinstance(values, list) else []
    return any(sentence in example_release.SENTENCES for sentence in sentences)


def refuse_flags(answers: Answers) -> None:
    """Refuse texts of a release for one that has texts of its own.

    Raises:
        RecipeError: the answers have one.
    """
    for flag in FLAGS:
        if getattr(answers, flag) is not None:
            name = flag.replace("_", "-").replace("limits", "limit")
            raise RecipeError(
                f"--{name}: {FILE} does not describe the example any more, or the data are the "
                "example's; expected no such flag: edit the file"
            )


def texts(answers: Answers) -> ReleaseTexts:
    """Return the texts of the answers; "Not stated." for those that were not given."""
    return ReleaseTexts(
        name=answers.release_name or answers.name,
        author=answers.author or NOT_STATED,
        license=answers.license or answers.model_license or MISSING,
        description=answers.description or NOT_STATED,
        intended_use=answers.intended_use or [NOT_STATED],
        limits=answers.limits or [NOT_STATED],
        contact=answers.contact,
    )


def edited(new_texts: ReleaseTexts) -> str:
    """Return recipes/release.yaml with other texts.

    Raises:
        RecipeError: it is laid out in a way that cannot be edited.
    """
    text = FILE.read_text()
    lines = {key: f"{key}: {quote(getattr(new_texts, key))}" for key in SCALARS}
    card_lines = _card_lines(new_texts)
    for key, line in lines.items():
        text = _replaced(text, rf"^{key}:.*$", line)
    text = _replaced(text, r"^card:.*\n(?:[ #].*\n|\n)*", card_lines)
    expected = files.read(FILE)
    for new_lines in (*lines.values(), card_lines):
        expected |= _parse(new_lines)
    if _parse(text) != expected:
        raise RecipeError(
            f"{FILE}: cannot be edited, for its layout; expected the texts of your model in the "
            "fields description and card: edit it, and run this again"
        )
    return text


def _replaced(text: str, pattern: str, replacement: str) -> str:
    """Return a text with the first lines of a pattern replaced by a literal text."""
    return re.sub(pattern, lambda _: replacement, text, count=1, flags=re.MULTILINE)


def _parse(text: str) -> Any:
    try:
        return strict_yaml.parse(text.encode())
    except StrictYamlError:
        return None


def _card_lines(new_texts: ReleaseTexts) -> str:
    contact = "null" if new_texts.contact is None else quote(new_texts.contact)
    lines = ["card:", "  intended_use:"]
    lines += [f"    - {quote(sentence)}" for sentence in new_texts.intended_use]
    lines += ["  limits:"]
    lines += [f"    - {quote(sentence)}" for sentence in new_texts.limits]
    lines += [f"  contact: {contact} # where to ask about the model"]
    return "".join(f"{line}\n" for line in lines)

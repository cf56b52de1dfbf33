"""What a person says of a target, by flags or when asked; None is what nobody said."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edgebake.cli.init.recipe_yaml import MISSING, Origin
from edgebake.errors import RecipeError, listed, nearest


@dataclass(frozen=True)
class Answers:
    """The flags of `edgebake init`, in its words."""

    name: str
    device: str | None = None
    data: str | None = None
    model: str | None = None
    quantize: str | None = None
    convert: str | None = None
    train: str | None = None
    color: str | None = None
    mean: list[float] | None = None
    scale: list[float] | None = None
    output: str | None = None
    head: str | None = None
    trust: bool = False
    labels: str | None = None
    resolution: int | None = None
    data_name: str | None = None
    data_author: str | None = None
    data_license: str | None = None
    data_source: str | None = None
    model_name: str | None = None
    model_author: str | None = None
    model_license: str | None = None
    model_source: str | None = None

    def origin(self, group: str, name: str) -> Origin:
        """Return who made the data or the model; `name` is what it is called where nobody said it."""
        said = {
            word: getattr(self, f"{group}_{word}")
            for word in ("name", "author", "license", "source")
        }
        return Origin(
            **{word: value or (name if word == "name" else MISSING) for word, value in said.items()}
        )


def refuse_name(name: str) -> None:
    """Refuse a name that cannot be a target's.

    Raises:
        RecipeError: it is no word of letters, digits and _.
    """
    if not re.fullmatch(r"[A-Za-z0-9_]+", name):
        raise RecipeError(f"{name!r}: cannot name a target; expected letters, digits and _ alone")


def refuse_unknown(
    flag: str, name: str, options: Iterable[str], why: str = "no such option"
) -> None:
    """Hold an answer against the options of its group.

    Raises:
        RecipeError: it is none of them.
    """
    known = list(options)
    if name not in known:
        raise RecipeError(
            f"{flag}: {name}: {why}; expected one of: {listed(known)}{nearest(name, known)}"
        )

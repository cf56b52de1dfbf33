"""Answers of the user, from options of the command line or from prompts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edgebake.errors import RecipeError, listed, nearest
from edgebake.recipe import Attribution
from edgebake.recipe.missing import MISSING


@dataclass(frozen=True)
class Answers:
    """The options of `edgebake init`; None for one that was not given."""

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
    allow_code: bool = False
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
    crop: str | None = None
    resize: str | None = None
    antialias: bool | None = None
    short_side: int | None = None
    rate: float | None = None
    units: list[str] | None = None
    release_name: str | None = None
    description: str | None = None
    intended_use: list[str] | None = None
    limits: list[str] | None = None
    author: str | None = None
    license: str | None = None
    contact: str | None = None

    def data_attribution(self, default_name: str) -> Attribution:
        """Return the attribution of the dataset; fields without an answer are `???`."""
        return Attribution(
            name=self.data_name or default_name,
            author=self.data_author or MISSING,
            license=self.data_license or MISSING,
            source=self.data_source or MISSING,
        )

    def model_attribution(self, default_name: str) -> Attribution:
        """Return the attribution of the model; fields without an answer are `???`."""
        return Attribution(
            name=self.model_name or default_name,
            author=self.model_author or MISSING,
            license=self.model_license or MISSING,
            source=self.model_source or MISSING,
        )


def refuse_name(name: str) -> None:
    """Refuse a name that no target can have.

    Raises:
        RecipeError: it has characters other than letters, digits and _.
    """
    if not re.fullmatch(r"[A-Za-z0-9_]+", name):
        raise RecipeError(f"{name!r}: not a valid target name; expected only letters, digits and _")


def refuse_unknown(
    flag: str, name: str, options: Iterable[str], problem: str = "no such option"
) -> None:
    """Refuse an answer that is not one of its group's options.

    Raises:
        RecipeError: it is none of them; the message names the nearest.
    """
    known = list(options)
    if name not in known:
        raise RecipeError(
            f"{flag}: {name}: {problem}; expected one of: {listed(known)}{nearest(name, known)}"
        )

"""Errors of edgebake, and helpers for their messages.

EdgebakeError            base class; the message says where, what is wrong and what was expected
├── RecipeError          a recipe or params.yaml cannot be built
│   └── UnfitError       a valid option that the runtime or the device does not support
├── PlanError            params.yaml disagrees with the recipes
├── DataError            the dataset cannot be used
├── ModelError           an imported model cannot be used
├── ArtifactError        the output of a stage is missing or damaged
├── ConversionError      a converted file differs from the recipe
├── CoverageError        an ML Program contains an operator that the executor does not implement
├── GateError            a gate refused a bundle
├── LicenseError         a bundle violates the license policy, or lacks the text of a license
├── ProofError           signature, provenance or files of a bundle are not valid
└── HostError            git, DVC, the disk or another tool failed
"""

import difflib
from collections.abc import Iterable

from edgebake.terminal.printable import printable

MAX_DATA_MESSAGE = 4000  # characters; a message may list several files

# A problem of a recipe: the key, and what is wrong with its value and what was expected.
Problem = tuple[str, str]


class EdgebakeError(Exception):
    """A failure that the user can correct; shown without a traceback, exit code 1."""


class RecipeError(EdgebakeError):
    """Name the recipe file, the key, what is wrong and what was expected."""


class UnfitError(RecipeError):
    """Name the key, what the runtime or device does not support, and what it supports."""


class PlanError(EdgebakeError):
    """List the differences between params.yaml and the recipes, and the command to run."""


class DataError(EdgebakeError):
    """Name the file or folder of the dataset that cannot be used; its names are escaped."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, keep="\n", max_length=MAX_DATA_MESSAGE))


class ModelError(EdgebakeError):
    """Name the imported model, the recipe key to change, what is wrong and what was expected."""


class ArtifactError(EdgebakeError):
    """Name the artifact that is missing or damaged, and the stage that writes it."""


class ConversionError(EdgebakeError):
    """Name the operator or output in which the converted file differs from the recipe."""


class UnsuitedError(ConversionError):
    """Say why a scheme does not suit a model: a scheme search goes on to the next candidate."""


class CoverageError(EdgebakeError):
    """Name every operator that the executor does not implement, and those that it implements."""


class GateError(EdgebakeError):
    """Hold the table of every gate that did not pass."""


class LicenseError(EdgebakeError):
    """Name every component that the policy refuses, its license, the reason and the remedy."""


class ProofError(EdgebakeError):
    """Name the part of a bundle's signature, provenance or files that is not valid."""


class HostError(EdgebakeError):
    """Name the tool, file or folder outside edgebake that failed."""


class RenamedFieldWarning(FutureWarning):
    """A recipe uses the old name of a field or value."""


def nearest(name: str, options: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the most similar option, or an empty text."""
    options = list(options)
    matches = difflib.get_close_matches(name, options, n=1, cutoff=0.65)
    if not matches and len(name) > 2:
        matches = [option for option in options if option.startswith(name)]
    if not matches:
        return ""
    return f"; did you mean {matches[0]!r}?"


def listed(options: Iterable[str]) -> str:
    """Return options in one line, sorted and separated by commas; `none` if there are none."""
    return ", ".join(sorted(options)) or "none"

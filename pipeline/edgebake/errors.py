"""What can go wrong, as one tree.

EdgebakeError            the text is for the user: where, what is wrong, what was expected
├── RecipeError          a recipe, or params.yaml, says something that cannot be built
│   └── UnfitError       a sound recipe asks for what its runtime or device cannot do
├── PlanError            params.yaml and the recipes disagree
├── DataError            the examples on disk cannot be used
├── ModelError           a model that somebody brought cannot be used
├── ArtifactError        a stage's output is missing or damaged
├── ConversionError      a runtime's file is not what the recipe asked for
├── CoverageError        an ML Program holds an operator that the executor does not cover
├── GateError            a bundle was refused
├── LicenseError         a bundle may not hold what it is made from, or lacks the text of a license
├── ProofError           a bundle's signature, provenance or content is not what it should be
└── HostError            git, DVC, the disk or a tool stands in the way
"""

import difflib
from collections.abc import Iterable


class EdgebakeError(Exception):
    """A failure that the user can mend; shown without a traceback, exit code 1."""


class RecipeError(EdgebakeError):
    """Name the recipe file, the key, what is wrong and what was expected."""


class UnfitError(RecipeError):
    """Name the key, what runtime or device cannot do, and what they can."""


class PlanError(EdgebakeError):
    """Say how params.yaml and the recipes differ and what to run."""


class DataError(EdgebakeError):
    """Name the file or folder of examples that cannot be used."""


class ModelError(EdgebakeError):
    """Name the brought model, the recipe key that mends it, what is wrong and what was expected."""


class ArtifactError(EdgebakeError):
    """Name the artifact that is missing or damaged and the stage that makes it."""


class ConversionError(EdgebakeError):
    """Name the operator or output in which the converted file departs from the recipe."""


class CoverageError(EdgebakeError):
    """Name every operator that the executor does not cover, where it stands, and which are covered."""


class GateError(EdgebakeError):
    """Hold the table of every gate that was not passed."""


class LicenseError(EdgebakeError):
    """Name every ingredient that may not be in a bundle, its license, why, and where to mend it."""


class ProofError(EdgebakeError):
    """Name what of a bundle's signature, provenance or content is not what it should be."""


class HostError(EdgebakeError):
    """Name the tool, file or folder outside edgebake that stands in the way."""


def nearest(word: str, options: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the option that looks most like `word`, or nothing."""
    options = list(options)
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.65)
    if not close and len(word) > 2:
        close = [option for option in options if option.startswith(word)]
    return f"; did you mean {close[0]!r}?" if close else ""


def listed(options: Iterable[str]) -> str:
    """Return options as text, sorted and separated by commas."""
    return ", ".join(sorted(options)) or "none"

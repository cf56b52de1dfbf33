"""What a runtime is: the facts of one, and all that the planner and the stages ask of it.

Each runtime is a folder of runtimes/, or of a project's plugins/runtimes/, whose __init__.py ends with one object,
RUNTIME. Its methods import what they need when they are called, so that planning stays quick. Their names occur nowhere
else in the package: the code digest follows an import inside a method where the method's name occurs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from edgebake import plugins

if TYPE_CHECKING:
    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Recipe
    from edgebake.recipe.stage_params import ConvertParams
    from edgebake.runtimes.delegates.table import Delegate
    from edgebake.runtimes.run_modes import RunMode
    from edgebake.runtimes.session import Inspection, Session
    from edgebake.runtimes.workload import Workload
    from edgebake.tasks.contract import Contract

Files = dict[str, bytes]  # what ships, by its path
Problem = tuple[str, str]  # the key of a recipe, and what is wrong with its value


@dataclass(frozen=True)
class Library:
    """What an app links to run a file; the distribution that it was measured with stands for it in the SBOM."""

    name: str
    distribution: str  # on PyPI
    license: str  # SPDX expression
    source: str


@dataclass(frozen=True)
class RuntimeFacts:
    """What holds for every file of a runtime."""

    file: str  # what an app opens, a file or a folder
    convert_tools: tuple[str, ...]  # distributions whose versions change what is converted
    run_tools: tuple[str, ...]  # those that change what is measured
    # Formats of models that can be converted, each with the schemes that it cannot have.
    model_formats: Mapping[str, frozenset[str]]
    fallback_dtypes: tuple[str, ...]  # what `mixed` can keep layers in
    io_dtypes: Mapping[
        str, tuple[str, ...]
    ]  # dtypes that input and output can have, by that of activations
    timed_at: tuple[str, ...]  # values of `validate.where` that can time its files
    preferred_schemes: tuple[str, ...]  # what `edgebake init` takes, the first that fits
    library: Library | None  # None: part of the system
    preferred_validate: str | None = (
        None  # the option of recipes/validate/ that `init` takes; None: the menu's own
    )
    block_sizes: tuple[int, ...] = ()  # of int4 weights; empty: any
    int8_operators: frozenset[str] | None = (
        None  # those that have to compute in int8 activations; None: all
    )
    own_options: tuple[str, ...] = ()  # of recipes/convert/, which no other runtime has
    sample_code: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # files of bundle/samples/, by platform


class Runtime(Protocol):
    """All that the planner and the stages ask of a runtime."""

    facts: RuntimeFacts

    def encodable_schemes(self) -> frozenset[str]:
        """Return the schemes that the runtime's encoders write."""

    def check_recipe(self, recipe: Recipe) -> Iterator[Problem]:
        """Yield what of a recipe does not fit this runtime, beyond its facts."""

    def convert_model(
        self, model: QuantizedModel, contract: Contract, options: ConvertParams
    ) -> Files:
        """Return the files that ship.

        Raises:
            ConversionError: the runtime cannot hold the model as the options say.
            CoverageError: part of the model could not be run to find its ranges.
        """

    def inspect_files(self, files: Files) -> Inspection:
        """Return input, output, operators and dtypes of what was written."""

    def run_modes(self, files: Files) -> tuple[RunMode, ...]:
        """Return the modes in which this machine runs the files; gates judge the first."""

    def load_session(self, files: Files, threads: int, mode: str = "") -> Session:
        """Return the files, ready to run in one of their modes.

        Raises:
            CoverageError: an operator is not covered here.
        """

    def count_workload(self, files: Files) -> Workload:
        """Return what the files compute and move.

        Raises:
            Uncounted: it is not known how much an operator multiplies.
        """

    def unsupported_operators(self, files: Files, delegate: Delegate) -> dict[int, str]:
        """Return, by the operator's index in the workload, why the delegate cannot run it."""

    def strip_names(self, files: Files) -> Files:
        """Return the files without names, texts and metadata; they answer with the same bits."""

    def named_parts(self, files: Files) -> dict[str, bytes]:
        """Return the content of the files in parts with names, by which two files can be compared."""


def load_runtime(name: str) -> Runtime:
    """Return the runtime of a name.

    Raises:
        RecipeError: there is none.
    """
    runtime: Runtime = plugins.load("convert.runtime", name).RUNTIME
    return runtime


def schemes_of(name: str, model_format: str = "keras") -> tuple[str, ...]:
    """Return the schemes that a runtime writes for models of a format, sorted; none where it takes no such models."""
    runtime = load_runtime(name)
    excluded = runtime.facts.model_formats.get(model_format)
    if excluded is None:
        return ()
    return tuple(sorted(runtime.encodable_schemes() - excluded))


def runtimes_of(model_format: str) -> tuple[str, ...]:
    """Return the runtimes that models of a format can be converted for, sorted."""
    return tuple(
        name for name in plugins.options("convert.runtime") if schemes_of(name, model_format)
    )

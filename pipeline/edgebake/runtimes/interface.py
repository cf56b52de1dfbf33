"""Interface of a runtime: its facts, and the operations that the planner and the stages call.

Each runtime is a package of runtimes/, or of a project's plugins/runtimes/, whose __init__.py ends
with one object, RUNTIME. Its methods import what they need when they are called, so that planning
stays fast. The names of its methods mean nothing else in the package: the code digest follows an
import inside a method wherever the method's name is used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from edgebake import plugins
from edgebake.errors import Problem
from edgebake.runtimes.run_modes import SINGLE_MODE, RunMode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Cpu, Recipe
    from edgebake.recipe.stage_params import ConvertParams
    from edgebake.runtimes.delegates.table import Delegate
    from edgebake.runtimes.session import Inspection, Session, ValueTrace
    from edgebake.runtimes.workload import Workload
    from edgebake.tasks.contract import Contract
    from edgebake.tasks.tensors import Feeds

Files = dict[str, bytes]  # the files that ship: path -> contents


@dataclass(frozen=True)
class Library:
    """The library that an app links to run a file; the SBOM lists it by its distribution."""

    name: str
    distribution: str  # on PyPI, with which the file was measured
    license: str  # SPDX expression
    source: str


@dataclass(frozen=True)
class RuntimeFacts:
    """Facts that hold for every file of a runtime."""

    # What an app opens, a file or a folder: `model` and a suffix that no other runtime has.
    file: str
    convert_tools: tuple[str, ...]  # distributions whose versions change the converted file
    run_tools: tuple[str, ...]  # distributions whose versions change measurements
    # Model formats that can be converted -> schemes that are not available for the format.
    model_formats: Mapping[str, frozenset[str]]
    fallback_dtypes: tuple[str, ...]  # in which `mixed` can leave layers
    # Dtype of activations -> possible dtypes of input and output.
    io_dtypes: Mapping[str, tuple[str, ...]]
    timed_at: tuple[str, ...]  # values of `validate.where` that recipes may use
    preferred_schemes: tuple[str, ...]  # of `edgebake init`, the best one first
    library: Library | None  # None: part of the operating system
    # Option of recipes/validate/ that `edgebake init` selects; None: the menu's default.
    preferred_validate: str | None = None
    block_sizes: tuple[int, ...] = ()  # of int4 weights; empty: any
    # Operators that must compute in int8 if activations are int8; None: all.
    int8_operators: frozenset[str] | None = None
    # Returns the kinds of operators that `quantize.fallback` can name; none: only `auto`.
    operator_kinds: Callable[[], frozenset[str]] = frozenset
    # Format of models -> kinds of operators that no file made from such a model has.
    unwritten_kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # Instruction sets whose integer kernels overflow with int8 weights of 8 bits: files for devices
    # that may have them get weights of 7 bits.
    overflowing_cpus: frozenset[Cpu] = frozenset()
    own_options: tuple[str, ...] = ()  # of recipes/convert/, that no other runtime has
    # Platform -> files of bundle/samples/.
    sample_code: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Path after `model` -> first bytes of such a file, at most 8. For runtimes of a project: ours
    # are in bundle/trust/verification.py, since `edgebake verify` runs no plugin unless told to.
    first_bytes: Mapping[str, bytes] = field(default_factory=dict)


class FileValues(Protocol):
    """A converted float file that can return all values that it computes."""

    def compute_values(
        self, examples: Feeds, names: Collection[str] | None = None
    ) -> Mapping[str, Sequence[NDArray[np.float32]]]:
        """Run examples; return the values of tensors, or of all, one [1, ...] per example."""


class Runtime(Protocol):
    """Operations that the planner and the stages call on a runtime."""

    facts: RuntimeFacts

    def encodable_schemes(self) -> frozenset[str]:
        """Return the schemes that the runtime's encoders write."""

    def check_recipe(self, recipe: Recipe) -> Iterator[Problem]:  # noqa: ARG002 - of the interface
        """Yield the problems of a recipe with this runtime that do not follow from its facts."""
        yield from ()

    def other_options(
        self,
        recipe: Recipe,  # noqa: ARG002 - of the interface
    ) -> Iterator[dict[str, object]]:
        """Yield values of `convert` that `edgebake init` tries, if those of the option do not fit.

        The best ones come first. A recipe has at least `device`, `quantize` and `convert`.
        """
        yield from ()

    def convert_model(
        self, model: QuantizedModel, contract: Contract, options: ConvertParams
    ) -> Files:
        """Convert a quantized model to the files that ship.

        Raises:
            ConversionError: the runtime cannot represent the model with these options.
            CoverageError: part of the model cannot be run to compute its activation ranges.
        """

    def calibrated_file(
        self,
        model: QuantizedModel,  # noqa: ARG002 - of the interface
    ) -> FileValues | None:
        """Return the float file that integers are made of; None if all its values have ranges."""
        return None

    def inspect_files(self, files: Files) -> Inspection:
        """Return input, output, operators and dtypes of converted files."""

    def run_modes(self, files: Files) -> tuple[RunMode, ...]:  # noqa: ARG002 - of the interface
        """Return the modes in which this machine runs the files; gates judge the first."""
        return SINGLE_MODE

    def load_session(self, files: Files, threads: int, mode: str = "") -> Session:
        """Load the files to run on a number of threads, in the run mode of a name.

        Raises:
            CoverageError: an operator is not covered on this machine.
        """

    def count_workload(self, files: Files) -> Workload:
        """Count what the files compute and move for one image.

        Raises:
            Uncounted: the multiply-accumulates of an operator are not known.
        """

    def unsupported_operators(self, files: Files, delegate: Delegate) -> dict[int, str]:
        """Return, by index of the operator in the workload, why the delegate cannot run it."""

    def trace_values(
        self,
        files: Files,  # noqa: ARG002 - of the interface
        example: Feeds,  # noqa: ARG002 - of the interface
    ) -> ValueTrace:
        """Run an example, as a session is fed; yield every operator that can be read, in order."""
        yield from ()

    def strip_names(self, files: Files) -> Files:
        """Return the files without names, texts and metadata; their outputs are bit-identical."""

    def named_parts(self, files: Files) -> dict[str, bytes]:
        """Split the files into named parts, by which two conversions can be compared."""


def load_runtime(name: str) -> Runtime:
    """Return the runtime of a name.

    Raises:
        RecipeError: there is none.
    """
    runtime: Runtime = plugins.load("convert.runtime", name).RUNTIME
    return runtime


def schemes_of(name: str, model_format: str = "keras") -> tuple[str, ...]:
    """Return the schemes that a runtime writes for a model format, sorted; empty: none."""
    runtime = load_runtime(name)
    excluded = runtime.facts.model_formats.get(model_format)
    if excluded is None:
        return ()
    return tuple(sorted(runtime.encodable_schemes() - excluded))


def runtimes_of(model_format: str) -> tuple[str, ...]:
    """Return the runtimes to which models of a format can be converted, sorted."""
    names = plugins.options("convert.runtime")
    return tuple(name for name in names if schemes_of(name, model_format))

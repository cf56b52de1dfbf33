"""Interface of a kind of input: checks, the contract's steps, golden vectors and app code.

A kind is a package tasks/inputs/<kind>/, or plugins/inputs/<kind>/ of a project. Its `__init__`
ends with INPUT; its module `steps` has STEPS, a function for each step by name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from types import ModuleType
from typing import Any, Protocol

from edgebake import plugins
from edgebake.errors import Problem
from edgebake.recipe import Data, Recipe
from edgebake.tasks import plugin_members
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.tensors import ContractInput, Raw, Step, StepFunction

STEPS_FILE = "steps.py"
APP_SUFFIXES = (".kt", ".swift")


@dataclass
class NoOptions:
    """Options of a kind of input, or of a data source, that has none."""


class Input(Protocol):
    """A kind of input. Sizes and shapes are of one example, without the batch."""

    @property
    def raw_form(self) -> str:
        """Return the form of golden vectors: png, pcm16, float32, utf8 or int32."""
        ...

    @property
    def tools(self) -> tuple[str, ...]:
        """Return the distributions whose versions can change the tensor."""
        ...

    @property
    def options(self) -> type:
        """Return the dataclass of `data.input.options`."""
        ...

    @property
    def steps(self) -> Mapping[str, StepFunction]:
        """Return the steps by name: STEPS of the package's `steps`, and shared ones."""
        ...

    @property
    def augments_pixels(self) -> bool:
        """Return whether `train.augment` applies, which works on pixels."""
        ...

    def check(self, recipe: Recipe) -> Iterator[Problem]:
        """Yield each problem of the recipe's options for this kind; no file is read."""
        ...

    def contract_input(self, options: ContractOptions) -> ContractInput:
        """Return the input of a model that is trained with these options."""
        ...

    def steps_to_cache(self, spec: ContractInput) -> tuple[Step, ...]:
        """Return the first steps, whose result is kept on disk; empty: nothing is kept."""
        ...

    def check_raw(self, raw: Raw, data: Data) -> str | None:
        """Return why an example cannot be used; None if it can."""
        ...

    def digest(self, raw: Raw) -> bytes:
        """Return what is equal for two examples if and only if they are: shape and content."""
        ...

    def size(self, raw: Raw) -> int:
        """Return the size of an example; golden vectors take smaller ones first."""
        ...

    def to_golden(self, raw: Raw) -> bytes:
        """Return the bytes of an example in `raw_form`: PNG, little-endian numbers or UTF-8."""
        ...

    def tolerance(self, spec: ContractInput, tensor: Mapping[str, Any]) -> float:
        """Return how far an app's tensor may be off, in real units; 0 for integers.

        Args:
            spec: the contract's input.
            tensor: the file's tensor, as inspection.json has it.
        """
        ...

    def takes_raw(self, dtype: str) -> bool:
        """Return whether a file whose input has this dtype takes the cached form, not the tensor.

        Core ML files normalize inside the model, and take pixels.
        """
        ...

    def published(self, spec: ContractInput, convert: Mapping[str, Any]) -> list[Step]:
        """Return the steps as manifests have them, with the options of `convert`."""
        ...

    def describe(self, spec: ContractInput) -> str:
        """Return what the input is and how it is made, for the metadata of model files."""
        ...

    def app_code(self) -> Mapping[str, bytes]:
        """Return the sources of the steps in Python, Kotlin and Swift by file name.

        In Kotlin and Swift, they define a value `<kind>Kind`: the steps by name, and how an example
        of a golden vector is decoded. In Python, it is the module `steps`.
        """
        ...


def read_app_code(folder: Traversable, package: ModuleType) -> dict[str, bytes]:
    """Return steps.py in a folder, and the files of a package in Kotlin and Swift, by name.

    `app_code` imports the package, and calls `resources.files(__package__)`: so an edit of these
    files changes no digest of code but that of the stage that makes bundles.
    """
    code = {STEPS_FILE: (folder / STEPS_FILE).read_bytes()}
    for file in sorted(resources.files(package).iterdir(), key=lambda file: file.name):
        if file.name.endswith(APP_SUFFIXES):
            code[file.name] = file.read_bytes()
    return code


def load_input(kind: str) -> Input:
    """Return the kind of input with a name.

    Raises:
        RecipeError: there is none, or it lacks a member.
    """
    kind_of_input: Input = plugins.load("data.input.kind", kind).INPUT
    plugin_members.refuse_missing("data.input.kind", kind, kind_of_input, Input)
    return kind_of_input

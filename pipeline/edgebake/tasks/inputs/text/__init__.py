"""A text as the input of a model: its first bytes as ids."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from edgebake.errors import Problem
from edgebake.recipe import Data, Recipe, plugin_options
from edgebake.recipe.missing import MISSING
from edgebake.tasks.inputs.interface import Input, read_app_code
from edgebake.tasks.inputs.text import steps
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.tensors import ContractInput, Raw, Step, StepFunction, TensorSpec

NAME = "text"  # of the tensor, and of the kind
KEY = "data.input.options"
MAX_BYTES = 65_536
PAD = 0  # id behind a shorter text; the id of a byte is the byte plus 1
HIGHEST = 256  # id of the byte 255


@dataclass
class TextOptions:
    """Options of a text: how many of its bytes the model sees."""

    # Bytes of UTF-8 that the model sees: the first ones of a text.
    bytes: int = MISSING


class TextKind:
    """A text, of which the model sees the first bytes of its UTF-8."""

    raw_form = "utf8"
    tools = ("numpy",)
    options = TextOptions
    steps: Mapping[str, StepFunction] = steps.STEPS
    augments_pixels = False

    def check(self, recipe: Recipe) -> Iterator[Problem]:
        """Yield a problem of the number of bytes."""
        length = _options(recipe.data).bytes
        if not 1 <= length <= MAX_BYTES:
            yield f"{KEY}.bytes", f"{length}; expected 1 to {MAX_BYTES:,}"

    def contract_input(self, options: ContractOptions) -> ContractInput:
        """Return the input of a model that is trained with these options."""
        length = _options(options.data).bytes
        tensor = TensorSpec(NAME, (length,), "int32", HIGHEST)
        utf8: Step = {"step": "utf8", "normal_form": "none"}
        take_bytes: Step = {
            "step": "bytes",
            "plus": 1,
            "length": length,
            "keep": "first",
            "pad": PAD,
        }
        return ContractInput(NAME, NAME, tensor, (utf8, take_bytes))

    def steps_to_cache(self, spec: ContractInput) -> tuple[Step, ...]:
        """Return none: the steps take less time than reading their result."""
        return ()

    def check_raw(self, raw: Raw, data: Data) -> str | None:
        """Return why a text cannot be used; None if it can."""
        if not isinstance(raw, str):
            return f"is of the type {type(raw).__name__}; expected a text"
        if not raw:
            return "is empty; expected a text"
        try:
            raw.encode("utf-8")
        except UnicodeEncodeError:
            return "holds half of a surrogate pair; expected a text that UTF-8 can hold"
        return None

    def digest(self, raw: Raw) -> bytes:
        """Return the UTF-8 of a text."""
        return str(raw).encode("utf-8")

    def size(self, raw: Raw) -> int:
        """Return the number of bytes of UTF-8."""
        return len(self.digest(raw))

    def to_golden(self, raw: Raw) -> bytes:
        """Return the UTF-8 of a text."""
        return self.digest(raw)

    def tolerance(self, spec: ContractInput, tensor: Mapping[str, Any]) -> float:
        """Return 0: ids are exact."""
        return 0.0

    def takes_raw(self, dtype: str) -> bool:
        """Return False: every file takes ids."""
        return False

    def published(self, spec: ContractInput, convert: Mapping[str, Any]) -> list[Step]:
        """Return the steps."""
        return list(spec.steps)

    def describe(self, spec: ContractInput) -> str:
        """Return which bytes there are, and how they become ids."""
        (length,) = spec.tensor.shape
        return f"first {length} bytes of a text in UTF-8, each plus 1; {PAD} behind a shorter text"

    def app_code(self) -> Mapping[str, bytes]:
        """Return the steps in Python, Kotlin and Swift."""
        from edgebake.tasks.inputs.text import app

        return read_app_code(resources.files(__package__), app)


def _options(data: Data) -> TextOptions:
    return plugin_options.typed(data.input.options, TextOptions, KEY)


INPUT: Input = TextKind()

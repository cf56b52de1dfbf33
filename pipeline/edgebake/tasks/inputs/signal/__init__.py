"""A signal as the input of a model: a window of samples of some sensors, normalized."""

from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import numpy as np

from edgebake.errors import Problem
from edgebake.recipe import Data, Recipe, plugin_options
from edgebake.tasks import steps as shared_steps
from edgebake.tasks.inputs.interface import Input, read_app_code
from edgebake.tasks.inputs.signal import options as signal_options
from edgebake.tasks.inputs.signal import steps
from edgebake.tasks.inputs.signal.options import SignalOptions
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.tensors import ContractInput, Raw, Step, StepFunction, TensorSpec

NAME = "signal"  # of the tensor, and of the kind
# Machines round (value - mean) * scale differently in the last bits of a float32.
ROUNDING = 1e-4


class SignalKind:
    """A window of samples, float32 [samples, channels], in the units of the recipe."""

    raw_form = "float32"
    tools = ("numpy",)
    options = SignalOptions
    steps: Mapping[str, StepFunction] = {**steps.STEPS, **shared_steps.STEPS}
    augments_pixels = False

    def check(self, recipe: Recipe) -> Iterator[Problem]:
        """Yield each problem of the options of signals."""
        yield from signal_options.check(_options(recipe.data))

    def contract_input(self, options: ContractOptions) -> ContractInput:
        """Return the input of a model that is trained with these options."""
        signal = _options(options.data)
        shape = (signal.samples, len(signal.channels))
        tensor = TensorSpec(NAME, shape, "float32")
        return ContractInput(NAME, NAME, tensor, tuple(signal_options.steps_of(signal)))

    def steps_to_cache(self, spec: ContractInput) -> tuple[Step, ...]:
        """Return none: the steps take less time than reading their result."""
        return ()

    def check_raw(self, raw: Raw, data: Data) -> str | None:
        """Return why a window cannot be used; None if it can."""
        signal = _options(data)
        samples = np.asarray(raw)
        channels = len(signal.channels)
        if samples.ndim != 2 or samples.shape[1] != channels:
            return f"has the shape {list(samples.shape)}; expected [samples, {channels}]"
        if len(samples) < signal.samples:
            minimum = f"{signal.samples}: data.input.options.samples"
            return f"has {len(samples)} samples; expected at least {minimum}"
        if not np.isfinite(samples).all():
            return "has a sample that is not finite; expected numbers"
        return None

    def digest(self, raw: Raw) -> bytes:
        """Return shape and samples as float32."""
        samples = np.asarray(raw, "<f4")
        shape = f"{samples.shape}".encode()
        return shape + samples.tobytes()

    def size(self, raw: Raw) -> int:
        """Return the number of samples of all channels."""
        return int(np.asarray(raw).size)

    def to_golden(self, raw: Raw) -> bytes:
        """Return the samples as little-endian float32, channel by channel of each time."""
        return np.asarray(raw, "<f4").tobytes()

    def tolerance(self, spec: ContractInput, tensor: Mapping[str, Any]) -> float:
        """Return the rounding of a float32; of an integer input also a quantization step."""
        if tensor["scale"] is None:
            return ROUNDING
        return ROUNDING + float(tensor["scale"])

    def takes_raw(self, dtype: str) -> bool:
        """Return False: every file takes normalized samples."""
        return False

    def published(self, spec: ContractInput, convert: Mapping[str, Any]) -> list[Step]:
        """Return the steps."""
        return list(spec.steps)

    def describe(self, spec: ContractInput) -> str:
        """Return samples, rate, channels and units."""
        step = spec.steps[0]
        samples, _ = spec.tensor.shape
        pairs = zip(step["channels"], step["units"], strict=True)
        channels = ", ".join(f"{channel} in {unit}" for channel, unit in pairs)
        return f"signal of {samples} samples at {step['rate_hz']:g} Hz, normalized: {channels}"

    def app_code(self) -> Mapping[str, bytes]:
        """Return the steps in Python, Kotlin and Swift."""
        from edgebake.tasks.inputs.signal import app

        return read_app_code(resources.files(__package__), app)


def _options(data: Data) -> SignalOptions:
    return plugin_options.typed(data.input.options, SignalOptions, "data.input.options")


INPUT: Input = SignalKind()

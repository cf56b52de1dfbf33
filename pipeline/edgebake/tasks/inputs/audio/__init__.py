"""A sound as the input of a model: a clip of PCM as the logarithms of its mel bands."""

from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import numpy as np

from edgebake.errors import Problem
from edgebake.recipe import Data, Recipe
from edgebake.tasks import steps as shared_steps
from edgebake.tasks.inputs.audio import options as audio_options
from edgebake.tasks.inputs.audio import steps
from edgebake.tasks.inputs.audio.options import AudioOptions
from edgebake.tasks.inputs.interface import Input, read_app_code
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.tensors import ContractInput, Raw, Step, StepFunction, TensorSpec

NAME = "audio"  # of the tensor, and of the kind
FULL_SCALE = 32768
LITTLE_ENDIAN = "<i2"
# Right implementations in float32 are within 1e-4 nats of each other, mistakes 0.1 and more.
TOLERANCE_NATS = 1e-3
ROUNDING = 1.01  # two machines round in the last bit of a float32
MATRIX = "mel"  # key of the matrix in the contract's numbers


class AudioKind:
    """A sound as its samples, int16 [n], of one channel."""

    raw_form = "pcm16"
    tools = ("numpy",)
    options = AudioOptions
    steps: Mapping[str, StepFunction] = {**steps.STEPS, **shared_steps.STEPS}
    augments_pixels = False

    def check(self, recipe: Recipe) -> Iterator[Problem]:
        """Yield each problem of the options of sounds."""
        audio = audio_options.read(recipe.data)
        yield from audio_options.problems(audio)

    def contract_input(self, options: ContractOptions) -> ContractInput:
        """Return the input of a model that is trained with these options."""
        audio = audio_options.read(options.data)
        shape = (audio.frames, audio.bands, 1)
        tensor = TensorSpec(NAME, shape, "float32")
        steps_to_tensor = _steps_of(audio)
        matrix = audio_options.matrix_of(audio)
        return ContractInput(
            name=NAME,
            kind=NAME,
            tensor=tensor,
            steps=tuple(steps_to_tensor),
            numbers={MATRIX: matrix},
        )

    def steps_to_cache(self, spec: ContractInput) -> tuple[Step, ...]:
        """Return the steps to the logarithms, float32 [frames, bands]."""
        return spec.steps[:-1]

    def check_raw(self, raw: Raw, data: Data) -> str | None:
        """Return why a sound does not fit into a clip; None if it does.

        What a clip would cut off could be the word.
        """
        audio = audio_options.read(data)
        samples = np.asarray(raw)
        if samples.dtype != np.int16 or samples.ndim != 1:
            return f"is {samples.dtype} {list(samples.shape)}; expected int16 [samples]"
        if len(samples) <= audio.samples:
            return None
        seconds = audio.samples / audio.rate
        expected = f"expected at most {audio.samples:,}, {seconds:g} s: cut it"
        return f"has {len(samples):,} samples; {expected}"

    def digest(self, raw: Raw) -> bytes:
        """Return number and content of the samples: a copy in another file format is equal."""
        samples = np.asarray(raw, LITTLE_ENDIAN)
        shape = f"{samples.shape}"
        return shape.encode() + samples.tobytes()

    def size(self, raw: Raw) -> int:
        """Return the number of samples."""
        return len(raw)

    def to_golden(self, raw: Raw) -> bytes:
        """Return the samples, little-endian."""
        samples = np.asarray(raw, LITTLE_ENDIAN)
        return samples.tobytes()

    def tolerance(self, spec: ContractInput, tensor: Mapping[str, Any]) -> float:
        """Return how far another implementation of the spectrum may be off, as normalized."""
        normalize = spec.steps[-1]
        factor = float(normalize["scale"])
        tolerance = TOLERANCE_NATS * factor * ROUNDING
        quantization_step = tensor["scale"]
        if quantization_step is None:
            return tolerance
        # A value that is a little off may be rounded to the next quantization step.
        return tolerance + float(quantization_step)

    def takes_raw(self, dtype: str) -> bool:
        """Return False: no file computes the spectrum itself."""
        return False

    def published(self, spec: ContractInput, convert: Mapping[str, Any]) -> list[Step]:
        """Return the steps."""
        return list(spec.steps)

    def describe(self, spec: ContractInput) -> str:
        """Return rate and length of the sound, and the form of the tensor."""
        parameters = {step["step"]: step for step in spec.steps}
        rate = parameters["sound"]["rate"]
        seconds = parameters["clip"]["samples"] / rate
        frames, bands, _ = spec.tensor.shape
        return (
            f"{seconds:g} s of sound at {rate:,} Hz, "
            f"as logarithms of {bands} mel bands in {frames} frames"
        )

    def app_code(self) -> Mapping[str, bytes]:
        """Return the steps in Python, Kotlin and Swift."""
        from edgebake.tasks.inputs.audio import app

        return read_app_code(resources.files(__package__), app)


def _steps_of(audio: AudioOptions) -> list[Step]:
    """Return the steps from samples to the tensor."""
    return [
        {"step": "sound", "rate": audio.rate, "channels": 1, "format": "pcm16"},
        {"step": "clip", "samples": audio.samples, "hop": audio.hop, "short": "zeros_behind"},
        {"step": "scale", "by": 1 / FULL_SCALE},
        {"step": "frames", "length": audio.frame_samples, "hop": audio.frame_hop, "centred": False},
        {"step": "window", "shape": "hann", "periodic": True},
        {"step": "power_spectrum", "fft": audio.fft},
        {"step": "matrix", "file": MATRIX, "rows": audio.fft // 2 + 1, "columns": audio.bands},
        {"step": "log", "base": "e", "plus": audio.log_plus},
        {"step": "normalize", "mean": audio.mean, "scale": audio.scale},
    ]


INPUT: Input = AudioKind()

"""Arithmetic at the beginning of a model in, the pixels that it takes out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgebake.models.inspection.model_info import PixelScaling

WHITE = 255
SPREAD = (
    0.5,
    20,
)  # from black to white in what the layers behind see; standard deviations of ImageNet reach 4.4


@dataclass(frozen=True)
class Step:
    """x becomes x * factor + offset; one number, or one for each channel."""

    factor: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    name: str = ""

    def __str__(self) -> str:
        """Return the step as a person would write it."""
        times = "" if set(self.factor) == {1.0} else f" * {_short(self.factor)}"
        return f"{self.name}: x{times}{_plus(self.offset)}"


def divided(values: Sequence[float], name: str) -> Step | None:
    """Return x / values; None where that cannot be done."""
    return Step(tuple(1 / value for value in values), name=name) if values and all(values) else None


def normalized(mean: Sequence[float], variance: Sequence[float], name: str) -> Step | None:
    """Return (x - mean) / sqrt(variance); None where that cannot be done."""
    if len(mean) != len(variance) or not mean or min(variance) <= 0:
        return None
    deviations = [math.sqrt(value) for value in variance]
    offset = (-one / deviation for one, deviation in zip(mean, deviations, strict=True))
    return Step(tuple(1 / deviation for deviation in deviations), tuple(offset), name)


def pixels(steps: Sequence[Step]) -> PixelScaling | None:
    """Return what the model takes, told by how far its own steps spread it; None where that says nothing."""
    factor = math.prod(max(abs(value) for value in step.factor) for step in steps)
    if not steps:
        return None
    if SPREAD[0] <= factor * WHITE <= SPREAD[1]:
        return PixelScaling((0.0,), (1.0,), "it scales pixels of 0 to 255 itself")
    if SPREAD[0] <= factor <= SPREAD[1] and factor != 1:
        return PixelScaling((0.0,), (1 / WHITE,), "it scales pixels of 0 to 1 itself")
    return None


def _plus(values: Sequence[float]) -> str:
    if all(value <= 0 for value in values):
        return f" - {_short([-value for value in values])}" if any(values) else ""
    return f" + {_short(values)}"


def _short(values: Sequence[float]) -> str:
    shown = [f"{value:.6g}" for value in values]
    return shown[0] if len(set(shown)) == 1 else f"[{', '.join(shown)}]"

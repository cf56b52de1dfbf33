"""Infer the pixels that a model expects from the arithmetic at its input."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgebake.models.inspection.model_info import PixelScaling

WHITE = 255
# Plausible distance between black and white behind the arithmetic. Standard deviations of ImageNet
# give 4.4.
MIN_SPREAD, MAX_SPREAD = 0.5, 20


@dataclass(frozen=True)
class AffineStep:
    """Operation x * factor + offset, with one number for all channels or one per channel."""

    factor: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    name: str = ""

    @property
    def largest_factor(self) -> float:
        """Return the largest absolute factor of all channels."""
        return max(abs(value) for value in self.factor)

    def __str__(self) -> str:
        """Return the step as a formula, for example `rescaling: x * 0.00784314 - 1`."""
        text = f"{self.name}: x"
        if set(self.factor) != {1.0}:
            text += f" * {_numbers(self.factor)}"
        if any(value > 0 for value in self.offset):
            return f"{text} + {_numbers(self.offset)}"
        if any(self.offset):
            amounts = [-value for value in self.offset]
            return f"{text} - {_numbers(amounts)}"
        return text


def arithmetic(
    operation: str, constant: tuple[float, ...], name: str, constant_first: bool = False
) -> AffineStep | None:
    """Return the step of an operation on x and a constant.

    Args:
        operation: multiply, add, divide or subtract.
        constant: one number, or one per channel.
        name: of the step.
        constant_first: whether the constant is the first operand, as in 1 - x.

    Returns:
        The step; None if the operation is not x * factor + offset, or divides by zero.
    """
    if operation == "multiply":
        return AffineStep(constant, name=name)
    if operation == "add":
        return AffineStep(offset=constant, name=name)
    if constant_first:
        return None
    if operation == "subtract":
        offset = tuple(-value for value in constant)
        return AffineStep(offset=offset, name=name)
    if not all(constant):
        return None
    factor = tuple(1 / value for value in constant)
    return AffineStep(factor, name=name)


def normalization(mean: Sequence[float], variance: Sequence[float], name: str) -> AffineStep | None:
    """Return (x - mean) / sqrt(variance); None if the values do not allow it."""
    if len(mean) != len(variance) or not mean or min(variance) <= 0:
        return None
    factor: list[float] = []
    offset: list[float] = []
    for channel_mean, channel_variance in zip(mean, variance, strict=True):
        deviation = math.sqrt(channel_variance)
        factor.append(1 / deviation)
        offset.append(-channel_mean / deviation)
    return AffineStep(tuple(factor), tuple(offset), name)


def infer_pixel_scaling(steps: Sequence[AffineStep]) -> PixelScaling | None:
    """Return the pixels that a model with these first steps expects; None if it is not clear.

    Pixels of 0 to 255 or of 0 to 1 are recognized by the distance of black and white after the
    steps.
    """
    if not steps:
        return None
    factor = math.prod(step.largest_factor for step in steps)
    if MIN_SPREAD <= factor * WHITE <= MAX_SPREAD:
        return PixelScaling((0.0,), (1.0,), "it scales pixels of 0 to 255 itself")
    if MIN_SPREAD <= factor <= MAX_SPREAD and factor != 1:
        return PixelScaling((0.0,), (1 / WHITE,), "it scales pixels of 0 to 1 itself")
    return None


def _numbers(values: Sequence[float]) -> str:
    texts = [f"{value:.6g}" for value in values]
    if len(set(texts)) == 1:
        return texts[0]
    listing = ", ".join(texts)
    return f"[{listing}]"

"""Options of a signal, their limits, and the steps that they make."""

from collections.abc import Iterator
from dataclasses import dataclass

from edgebake.errors import Problem
from edgebake.recipe.missing import MISSING
from edgebake.tasks.tensors import Step
from edgebake.terminal.printable import is_printable

KEY = "data.input.options"
MAX_SAMPLES = 65_536
MAX_CHANNELS = 64
MAX_RATE = 1_000_000  # Hz
OF_EACH_CHANNEL = ("units", "mean", "scale")


@dataclass
class SignalOptions:
    """Options of a signal: sensors, window and normalization."""

    # Samples per second; an app brings its sensors to this rate by linear interpolation.
    rate_hz: float = MISSING
    # Channels, in the order of the model's input.
    channels: list[str] = MISSING
    # Unit of each channel, for example m/s2.
    units: list[str] = MISSING
    # Samples of a window.
    samples: int = MISSING
    # Samples from the start of a window to that of the next, in a stream.
    hop: int = MISSING
    # Mean of each channel, which is subtracted.
    mean: list[float] = MISSING
    # Factor of each channel: the input is (value - mean) * scale.
    scale: list[float] = MISSING


def check(options: SignalOptions) -> Iterator[Problem]:
    """Yield each problem of options whose types are right."""
    count = len(options.channels)
    if not 1 <= count <= MAX_CHANNELS:
        yield f"{KEY}.channels", f"{count} channels; expected 1 to {MAX_CHANNELS}"
    for name in OF_EACH_CHANNEL:
        values = getattr(options, name)
        if len(values) != count:
            yield f"{KEY}.{name}", f"{len(values)} values; expected {count}, one for each channel"
    for name in ("channels", "units"):
        for text in getattr(options, name):
            if not text or not is_printable(text):
                yield f"{KEY}.{name}", f"{text!r}; expected visible text"
    for channel in sorted(set(options.channels)):
        if options.channels.count(channel) > 1:
            yield f"{KEY}.channels", f"{channel!r} is there twice; expected each once"
    yield from _check_numbers(options)


def _check_numbers(options: SignalOptions) -> Iterator[Problem]:
    if not 0 < options.rate_hz <= MAX_RATE:
        yield f"{KEY}.rate_hz", f"{options.rate_hz:g}; expected more than 0, at most {MAX_RATE:,}"
    if not 1 <= options.samples <= MAX_SAMPLES:
        yield f"{KEY}.samples", f"{options.samples}; expected 1 to {MAX_SAMPLES:,}"
    if not 1 <= options.hop <= options.samples:
        yield f"{KEY}.hop", f"{options.hop}; expected 1 to {options.samples}, the samples"
    for value in options.scale:
        if value <= 0:
            yield f"{KEY}.scale", f"{value:g}; expected more than 0"


def steps_of(options: SignalOptions) -> list[Step]:
    """Return the steps from samples to the model's input, as manifests have them."""
    signal: Step = {
        "step": "signal",
        "rate_hz": options.rate_hz,
        "channels": options.channels,
        "units": options.units,
        "uneven": "linear",
    }
    clip: Step = {"step": "clip", "samples": options.samples, "hop": options.hop, "short": "refuse"}
    normalize: Step = {"step": "normalize", "mean": options.mean, "scale": options.scale}
    return [signal, clip, normalize]

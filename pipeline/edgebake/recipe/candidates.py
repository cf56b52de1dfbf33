"""Options of a comparison: several schemes are built and judged for a target, and one ships."""

from dataclasses import dataclass
from enum import Enum

from edgebake.recipe.missing import MISSING


class Preference(Enum):
    """Which of the candidates that pass every gate ships; of equals, the first in the list."""

    # The first in the list.
    order = "order"
    # The one with the smallest file.
    size = "size"
    # The one with the smallest 90th percentile of the latency on the device.
    latency = "latency"


@dataclass
class Candidates:
    """Schemes that are compared for a target."""

    # Options of recipes/quantize/, each of which takes the place of the target's own.
    quantize: list[str] = MISSING
    # Which of those that pass every gate ships: `order`, `size` or `latency`.
    ships: Preference = MISSING


@dataclass
class CandidateParams:
    """A candidate of a target, several of which are judged and one ships."""

    # Target of the release.
    of: str = MISSING
    # Option of recipes/quantize/.
    option: str = MISSING
    # Which of those that pass every gate ships.
    ships: Preference = MISSING

"""Read values of recipes by their dotted keys, and compare them with intervals."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Interval:
    """An interval of allowed numbers; an open end is not allowed itself."""

    least: float
    most: float
    is_open_below: bool = False
    is_open_above: bool = False

    def __contains__(self, number: float) -> bool:
        if not self.least <= number <= self.most:
            return False
        if self.is_open_below and number == self.least:
            return False
        return not (self.is_open_above and number == self.most)

    def __str__(self) -> str:
        if self.most == math.inf:
            return self._lower_end()
        if self.is_open_below or self.is_open_above:
            return f"{self._lower_end()} and {self._upper_end()}"
        return f"{self.least:g} to {self.most:g}"

    def _lower_end(self) -> str:
        if self.is_open_below:
            return f"more than {self.least:g}"
        return f"{self.least:g} or more"

    def _upper_end(self) -> str:
        if self.is_open_above:
            return f"less than {self.most:g}"
        return f"at most {self.most:g}"


def value_at(options: object, key: str) -> Any:
    """Return the value of a dotted key; None below a group that is null."""
    value: Any = options
    for name in key.split("."):
        value = getattr(value, name, None)
    return value

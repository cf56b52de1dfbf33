"""Measure the part of an integer file that computes in float."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edgebake.errors import UnsuitedError
from edgebake.models.float_fallback import share_text
from edgebake.runtimes.workload import Uncounted, Workload


@dataclass(frozen=True)
class FloatShare:
    """Operators in float by kind, and their share of the multiply-accumulates."""

    operators: dict[str, int]  # kind -> number
    macs_share: float | None  # 0 to 1; None: not known

    @classmethod
    def of_file(cls, float_kinds: Iterable[str], workload: Workload | Uncounted) -> FloatShare:
        """Return the share of a file.

        Args:
            float_kinds: the kind of each operator in float, without casts.
            workload: of the file.
        """
        counts = Counter(float_kinds)
        return cls(dict(sorted(counts.items())), _macs_share(workload))

    def check(self, limit: float) -> None:
        """Check that the share is at most what the recipe allows.

        Raises:
            UnsuitedError: it is larger, or not known.
        """
        if limit >= 1 or not self.operators:
            return
        if self.macs_share is None or self.macs_share > limit:
            raise UnsuitedError(
                f"{self.text()}; expected at most {limit:.0%}: quantize.fallback_limit sets this "
                "limit"
            )

    def text(self) -> str:
        """Return the share in words: `in float: 2 PRELU, 0.0 % of the multiply-accumulates`."""
        return share_of_entry(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the entry `in_float` of inspection.json."""
        entry: dict[str, Any] = {"operators": self.operators}
        if self.macs_share is not None:
            entry["macs_share"] = self.macs_share
        return entry


def share_of_entry(entry: Mapping[str, Any]) -> str:
    """Return an entry `in_float` in words."""
    if not entry["operators"]:
        return "in float: nothing"
    operators = ", ".join(f"{count} {kind}" for kind, count in entry["operators"].items())
    share = share_text(entry.get("macs_share"))
    return f"in float: {operators}, {share} of the multiply-accumulates"


def _macs_share(workload: Workload | Uncounted) -> float | None:
    if isinstance(workload, Uncounted):
        return None
    if workload.macs == 0:
        return 0.0
    in_float = [operator.macs for operator in workload.operations if not operator.is_integer]
    return sum(in_float) / workload.macs

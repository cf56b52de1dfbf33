"""The share of a file that an accelerator of the device can run, by tables of its delegates."""

from collections.abc import Sequence

from edgebake.evaluation.gates.hypothesis_tests import ExactValue
from edgebake.measurement import PREDICTED, Measurement, not_measured
from edgebake.runtimes.placement import Placement


def predicted_coverage(
    placements: Sequence[Placement], accelerator: str, no_placement: str
) -> tuple[Measurement, ExactValue | None]:
    """Return the share that an accelerator can run, and its test.

    Args:
        placements: on the accelerators of the device.
        accelerator: of the gate.
        no_placement: why nothing is predicted of the file; empty: something is.
    """
    for placement in placements:
        if placement.accelerator == accelerator:
            share = min(placement.operators, placement.macs)
            measurement = Measurement(
                value=share, unit="share", where=PREDICTED, device=placement.delegate
            )
            return measurement, ExactValue(share, _first_off(placement))
    reason = f"no known delegate runs this file on the device's {accelerator}"
    return not_measured("share", no_placement or reason), None


def _first_off(placement: Placement) -> str:
    """Return the first unsupported operator and what to do about it; empty: all are supported."""
    if not placement.first_off:
        return ""
    parts = [f"first unsupported: {placement.first_off}"]
    if placement.whole_file:
        parts.append(f"{placement.delegate} takes a file wholly or not at all")
    if placement.hint:
        parts.append(placement.hint)
    return "; ".join(parts)

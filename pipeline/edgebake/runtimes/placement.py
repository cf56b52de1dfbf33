"""Which operators of a converted file would run on which accelerator, predicted: no device ran it.

Reads and writes nothing. What one runtime knows of its own delegates is in runtimes/<runtime>/placement.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edgebake.recipe import Device
from edgebake.runtimes.delegates.table import Delegate, delegates_for, find_delegate
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.workload import OperatorWorkload, Workload

CPU = "cpu"


@dataclass(frozen=True)
class Placement:
    """What of a file one accelerator would run."""

    accelerator: str
    delegate: str  # pipeline/edgebake/runtimes/delegates/<delegate>.yaml; empty: the runtime's own kernels
    operators: float  # share of them, 0 to 1
    macs: float  # share of the multiply-accumulates, 0 to 1
    first_off: str  # the first operator that falls off and why; empty: none does
    hint: str  # what to do about it; empty: nothing is known
    source: str  # of the facts


def predict_placements(
    runtime: str, files: dict[str, bytes], workload: Workload, platform: str
) -> list[Placement]:
    """Return a placement for each accelerator that some delegate of the runtime reaches on a platform; the CPU first.

    `files` is the converted file, as artifacts.read_files returns it.
    """
    found = [Placement(CPU, "", 1.0, 1.0, "", "", "the runtime's own kernels")]
    for delegate in delegates_for(runtime, platform):
        found += [
            _placed(accelerator, delegate, files, workload) for accelerator in delegate.accelerators
        ]
    return found


def device_placements(
    placements: Iterable[Placement], runtime: str, device: Device
) -> list[Placement]:
    """Return those of a device's accelerators that the runtime reaches on all of its chips, in the device's order."""
    by_way: dict[tuple[str, str | None], Placement] = {
        (one.accelerator, one.delegate): one for one in placements
    }
    ways = [(one.value, _delegate(runtime, one.value, device)) for one in device.accelerators]
    return [
        by_way[accelerator, name] for accelerator, name in ways if (accelerator, name) in by_way
    ]


def _delegate(runtime: str, accelerator: str, device: Device) -> str | None:
    if accelerator == CPU:
        return ""
    delegate = find_delegate(runtime, device.platform.value, accelerator, device.soc)
    return delegate.name if delegate else None


def _placed(
    accelerator: str, delegate: Delegate, files: dict[str, bytes], workload: Workload
) -> Placement:
    reasons = _falling(delegate, files, workload)
    running = [one for number, one in enumerate(workload.operations) if number not in reasons]
    first = min(reasons, default=None)
    total = len(workload.operations)
    return Placement(
        accelerator=accelerator,
        delegate=delegate.name,
        operators=_share(len(running), total),
        macs=_share(sum(one.macs for one in running), workload.macs),
        first_off="" if first is None else f"operator {first + 1} of {total}: {reasons[first]}",
        hint="" if first is None else _hint(delegate, workload.operations[first], reasons[first]),
        source=delegate.source,
    )


def _falling(delegate: Delegate, files: dict[str, bytes], workload: Workload) -> dict[int, str]:
    """Return why operators fall off, by their place in the workload: for what the table says, or the runtime does."""
    found = load_runtime(delegate.runtime).unsupported_operators(files, delegate)
    told = {
        number: delegate.refuses(one.kind, one.dtype)
        for number, one in enumerate(workload.operations)
    }
    return found | {number: reason for number, reason in told.items() if reason}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _hint(delegate: Delegate, operation: OperatorWorkload, reason: str) -> str:
    """Return what to do: about whatever the reason names last, else about the operator or its dtype."""
    named = [word for word in reason.replace(",", "").split() if word in delegate.hints]
    known = [*reversed(named), operation.kind, operation.dtype]
    return next((delegate.hints[word] for word in known if word in delegate.hints), "")

"""Predict which operators of a converted file run on which accelerator; no device is involved.

Reads and writes nothing. Rules for the delegates of one runtime are in
runtimes/<runtime>/placement.py.
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
    """The share of a file that one accelerator would run; 0 or 1 where it takes all or nothing."""

    accelerator: str
    delegate: str  # runtimes/delegates/<delegate>.yaml; empty: the runtime's own kernels
    operators: float  # share of the operators, 0 to 1
    macs: float  # share of the multiply-accumulates, 0 to 1
    first_off: str  # the first unsupported operator and the reason; empty: all are supported
    hint: str  # what to do about it; empty: nothing is known
    source: str  # of the facts
    whole_file: bool = False  # whether the delegate takes a file wholly or not at all


def predict_placements(
    runtime: str, files: dict[str, bytes], workload: Workload, platform: str
) -> list[Placement]:
    """Return a placement for the CPU, then for each accelerator of the runtime's delegates.

    Args:
        runtime: name of the runtime.
        files: the converted file, as artifacts.read_files returns it.
        workload: of the file.
        platform: platform whose delegates are considered.
    """
    cpu = Placement(
        accelerator=CPU,
        delegate="",
        operators=1.0,
        macs=1.0,
        first_off="",
        hint="",
        source="the runtime's own kernels",
    )
    placements = [cpu]
    for delegate in delegates_for(runtime, platform):
        reasons = _unsupported(delegate, files, workload)
        for accelerator in delegate.accelerators:
            placements.append(_placement(accelerator, delegate, workload, reasons))
    return placements


def device_placements(
    placements: Iterable[Placement], runtime: str, device: Device
) -> list[Placement]:
    """Return the placements on a device's accelerators, in the device's order.

    Accelerators that the runtime cannot use on all chips of the device are left out.
    """
    by_accelerator: dict[tuple[str, str | None], Placement] = {
        (placement.accelerator, placement.delegate): placement for placement in placements
    }
    reachable = []
    for accelerator in device.accelerators:
        delegate = _delegate_name(runtime, accelerator.value, device)
        placement = by_accelerator.get((accelerator.value, delegate))
        if placement is not None:
            reachable.append(placement)
    return reachable


def _delegate_name(runtime: str, accelerator: str, device: Device) -> str | None:
    """Return the delegate that reaches an accelerator: empty for the CPU; None if there is none."""
    if accelerator == CPU:
        return ""
    delegate = find_delegate(runtime, device.platform.value, accelerator, device.soc)
    return delegate.name if delegate else None


def _placement(
    accelerator: str, delegate: Delegate, workload: Workload, reasons: dict[int, str]
) -> Placement:
    operators = workload.operations
    supported = [operator for number, operator in enumerate(operators) if number not in reasons]
    supported_macs = sum(operator.macs for operator in supported)
    supported_share = _share(len(supported), len(operators))
    macs_share = _share(supported_macs, workload.macs)
    first_off, hint = "", ""
    if reasons:
        first = min(reasons)
        first_off = f"operator {first + 1} of {len(operators)}: {reasons[first]}"
        hint = _hint(delegate, operators[first], reasons[first])
    if reasons and delegate.whole_file:
        supported_share, macs_share = 0.0, 0.0
    return Placement(
        accelerator=accelerator,
        delegate=delegate.name,
        operators=supported_share,
        macs=macs_share,
        first_off=first_off,
        hint=hint,
        source=delegate.source,
        whole_file=delegate.whole_file,
    )


def _unsupported(delegate: Delegate, files: dict[str, bytes], workload: Workload) -> dict[int, str]:
    """Return, by index in the workload, why the delegate cannot run an operator.

    Facts of the delegate come before what the runtime itself finds.
    """
    reasons = load_runtime(delegate.runtime).unsupported_operators(files, delegate)
    for number, operator in enumerate(workload.operations):
        refusal = delegate.refusal(operator.kind, operator.dtype)
        if refusal:
            reasons[number] = refusal
    return reasons


def _share(count: int, total: int) -> float:
    if total == 0:
        return 1.0
    return count / total


def _hint(delegate: Delegate, operator: OperatorWorkload, reason: str) -> str:
    """Return the hint for the last word of the reason that has one.

    Without such a word, return the hint for the operator or for its dtype; empty: there is none.
    """
    last_words_first = reversed(reason.replace(",", "").split())
    for topic in (*last_words_first, operator.kind, operator.dtype):
        if topic in delegate.hints:
            return delegate.hints[topic]
    return ""

"""Delegates: components that run a runtime's operators on an accelerator.

Reads the facts about each from pipeline/edgebake/runtimes/delegates/<name>.yaml.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Delegate:
    """Facts about one delegate."""

    name: str
    runtime: str
    accelerators: list[str]
    platforms: list[str]
    source: str  # of the facts, with its version
    socs: list[str] = field(default_factory=list)  # chips that it supports; empty: any
    # Whether it takes a file wholly or not at all; false: the CPU runs what it does not support.
    whole_file: bool = False
    max_dimensions: int | None = None  # of a tensor; None: any
    dtypes: list[str] = field(default_factory=list)  # in which it computes; empty: any
    # Supported operators, each with the conditions that it has to meet; null: all but `never`.
    operators: dict[str, dict[str, Any]] | None = None
    never: list[str] = field(default_factory=list)
    # By operator or dtype that the delegate does not run, advice on what to do about it.
    hints: dict[str, str] = field(default_factory=dict)

    def refusal(self, kind: str, dtype: str) -> str:
        """Return why the delegate cannot run an operator of a kind and dtype; empty: it can."""
        is_listed = self.operators is None or kind in self.operators
        if kind in self.never or not is_listed:
            return f"{self.name} does not run {kind}"
        if self.dtypes and dtype not in self.dtypes:
            return f"{kind} computes in {dtype}, which {self.name} does not"
        return ""

    def supports_all(self, socs: Iterable[str]) -> bool:
        """Return whether the delegate supports all of these chips; no chips stand for any."""
        if not self.socs:
            return True
        chips = set(socs)
        return bool(chips) and chips <= set(self.socs)


def delegates_for(runtime: str, platform: str) -> list[Delegate]:
    """Return the delegates of a runtime on a platform, sorted by name."""
    return [
        delegate
        for delegate in _all_delegates()
        if delegate.runtime == runtime and platform in delegate.platforms
    ]


def find_delegate(
    runtime: str, platform: str, accelerator: str, socs: list[str]
) -> Delegate | None:
    """Return the delegate that runs a runtime's files on an accelerator of a device.

    Args:
        runtime: its name in recipes.
        platform: its name in recipes.
        accelerator: its name in recipes.
        socs: the chips that the device may have; empty: any.

    Returns:
        The delegate; None if there is none, or none that supports all of the chips.
    """
    for delegate in delegates_for(runtime, platform):
        if accelerator in delegate.accelerators and delegate.supports_all(socs):
            return delegate
    return None


@functools.cache
def _all_delegates() -> tuple[Delegate, ...]:
    delegates = []
    for file in sorted(FOLDER.glob("*.yaml")):
        facts = yaml.safe_load(file.read_text())
        delegates.append(Delegate(file.stem, **facts))
    return tuple(delegates)

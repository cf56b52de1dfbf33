"""What brings a runtime's operators to an accelerator: a file of facts each, with its source.

Reads pipeline/edgebake/runtimes/delegates/*.yaml; the name of the file is the name of the delegate.
"""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Delegate:
    """Facts of one delegate."""

    name: str
    runtime: str
    accelerators: list[str]
    platforms: list[str]
    source: str  # where the facts are from, and of which version
    socs: list[str] = field(default_factory=list)  # those that it is for; empty: any
    dtypes: list[str] = field(default_factory=list)  # those that it computes in; empty: any
    # The operators that it runs, each with what must hold for it; null: all but `never`.
    operators: dict[str, dict[str, Any]] | None = None
    never: list[str] = field(default_factory=list)
    hints: dict[str, str] = field(
        default_factory=dict
    )  # operator or dtype that falls off -> what to do about it

    def refuses(self, kind: str, dtype: str) -> str:
        """Return why an operator falls off, as far as its kind and dtype tell; empty: it does not."""
        if kind in self.never or (self.operators is not None and kind not in self.operators):
            return f"{self.name} does not run {kind}"
        if self.dtypes and dtype not in self.dtypes:
            return f"{kind} computes in {dtype}, which {self.name} does not"
        return ""


def delegates_for(runtime: str, platform: str) -> list[Delegate]:
    """Return the delegates of a runtime on a platform, sorted by name."""
    return [one for one in _all() if one.runtime == runtime and platform in one.platforms]


def find_delegate(runtime: str, platform: str, accelerator: str, soc: list[str]) -> Delegate | None:
    """Return what brings a runtime to an accelerator of a device; none: nothing does, or not on all of its chips.

    Args:
        runtime: as a recipe names it.
        platform: likewise.
        accelerator: likewise.
        soc: the chips that the device may have; empty: any.
    """
    for one in delegates_for(runtime, platform):
        if accelerator in one.accelerators and (
            not one.socs or (soc and set(soc) <= set(one.socs))
        ):
            return one
    return None


@functools.cache
def _all() -> tuple[Delegate, ...]:
    return tuple(
        Delegate(file.stem, **yaml.safe_load(file.read_text()))
        for file in sorted(FOLDER.glob("*.yaml"))
    )

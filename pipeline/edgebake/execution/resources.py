"""State what a task asks of a worker: a GPU, a device, a Mac.

A worker says what it has by the same names: `GPU=1,device:pixel_8=1,mac=1`.
"""

import math
from collections.abc import Mapping
from typing import Any

from edgebake.errors import HostError

GPU = "GPU"
MAC = "mac"
DEVICE = "device:"  # followed by the name of a target, whose device hangs at the worker
SLOTS = "slots"  # how many tasks a worker runs at a time; it has a name for Dask's scheduler
TRAINING_STAGES = ("train", "prune", "baseline", "quantize")
REMOTE_DEVICES = ("adb", "ssh")
EXAMPLE = "GPU=1,device:pixel_8=1,mac=1"


def of_variant(stage: str, variant: str, plan: Mapping[str, Any]) -> dict[str, float]:
    """Return what a stage needs for a variant.

    Args:
        stage: a stage of dvc.yaml.
        variant: a key of the stage in params.yaml; empty for a stage without variants.
        plan: the content of params.yaml.
    """
    params = (plan.get(stage) or {}).get(variant) or {}
    if stage in TRAINING_STAGES and _computes_in_float16(params):
        return {GPU: 1.0}
    if stage != "validate":
        return {}
    where = params.get("where")
    needs: dict[str, float] = {}
    if where == MAC:
        needs[MAC] = 1.0
    is_paired = where == MAC and (params.get("mac") or {}).get("device") is not None
    if where in REMOTE_DEVICES or is_paired:
        needs[f"{DEVICE}{_target(variant, plan)}"] = 1.0
    return needs


def _computes_in_float16(params: object) -> bool:
    """Return whether `mixed_precision`, which is for a GPU, is on somewhere in the parameters."""
    if not isinstance(params, Mapping):
        return False
    if params.get("mixed_precision") is True:
        return True
    return any(_computes_in_float16(value) for value in params.values())


def _target(variant: str, plan: Mapping[str, Any]) -> str:
    """Return the first target that a variant of `validate` measures."""
    for params in (plan.get("package") or {}).values():
        for name, target in params["targets"].items():
            if target["validate"] == variant:
                return str(name)
    return variant


def parse(text: str) -> dict[str, float]:
    """Return the resources that `NAME=NUMBER,...` lists.

    Raises:
        HostError: it does not.
    """
    resources: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.rpartition("=")
        name = name.strip()
        if not name or name == SLOTS or name in resources:
            raise HostError(f"--resources: {part!r}; expected NAME=NUMBER once each: {EXAMPLE}")
        resources[name] = _positive(part, number)
    return resources


def _positive(part: str, number: str) -> float:
    try:
        quantity = float(number)
    except ValueError:
        quantity = math.nan
    if not 0 < quantity < math.inf:
        raise HostError(f"--resources: {part!r}; expected a number above 0: {EXAMPLE}")
    return quantity


def shown(resources: Mapping[str, float]) -> str:
    """Return resources as `parse` reads them."""
    return ",".join(f"{name}={quantity:g}" for name, quantity in sorted(resources.items()))

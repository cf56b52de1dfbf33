"""The memory of stages, and which of them time a file on this machine."""

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake.execution import needs
from edgebake.machine import cores
from edgebake.recipe import StageMemory
from edgebake.recipe.stage_params import STAGE_PARAMS

ROOT = Path(__file__).parents[2]
PAIRED = {"device": "an iPhone"}


@pytest.mark.parametrize(
    ("stage", "assumed", "stated"),
    [("train", 2.0, 10.0), ("validate", 1.0, 1.0), ("proof", 0.5, 0.5), ("mine", 2.0, 2.0)],
)
def test_a_release_states_the_memory_of_a_stage(stage: str, assumed: float, stated: float) -> None:
    assert needs.memory_gb(stage, StageMemory()) == assumed
    assert needs.memory_gb(stage, StageMemory(train=10.0)) == stated


def test_every_stage_has_a_memory_and_the_release_may_state_it() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert needs.MEMORY_GB.keys() == stages.keys()
    assert {field.name for field in fields(StageMemory)} == STAGE_PARAMS.keys()


@pytest.mark.parametrize(
    ("stage", "params", "system", "is_quiet"),
    [
        ("validate", {"where": "host", "runtime": "litert"}, "linux", True),
        ("validate", {"where": "host", "runtime": "coreml"}, "linux", False),
        ("validate", {"where": "host", "runtime": "coreml"}, "darwin", True),
        ("validate", {"where": "ssh", "runtime": "litert"}, "linux", False),
        ("validate", {"where": "recorded", "runtime": "litert"}, "linux", False),
        ("validate", {"where": "idle_host", "runtime": "litert"}, "linux", True),
        ("validate", {"where": "mac", "runtime": "coreml", "mac": None}, "darwin", True),
        ("validate", {"where": "mac", "runtime": "coreml", "mac": None}, "linux", False),
        (
            "validate",
            {"where": "mac", "runtime": "coreml", "mac": {"device": "x"}},
            "darwin",
            False,
        ),
        ("prune", {"target": {"latency": 0.5}}, "linux", True),
        ("prune", {"target": {"macs": 0.5, "latency": None}}, "linux", False),
        ("prune", {"target": None}, "linux", False),
        ("train", {}, "linux", False),
    ],
)
def test_what_times_a_file_on_this_machine_is_quiet(
    monkeypatch: pytest.MonkeyPatch, stage: str, params: dict[str, Any], system: str, is_quiet: bool
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert needs.times_this_machine(stage, params) is is_quiet


def test_with_a_core_of_its_own_a_timing_is_beside_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "own_core", lambda: 3)
    params = {"where": "host", "runtime": "litert"}
    assert not needs.times_this_machine("validate", params)

"""Who has been measured is left alone; who waits for a device is counted on."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebake import artifacts
from edgebake.cli.main import main
from edgebake.execution import retries
from edgebake.measurement import Measurement
from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan
from tests import measured

VARIANT = "digits-ds_cnn-int8-litert-android"


def _counted(where: str) -> list[int]:
    """Return the number after each of three plans, if it is measured in the last of them."""
    variants: dict[str, dict[str, Any]] = {VARIANT: {"where": where, "platform": "android"}}
    found = []
    for timed in (None, 0.2, 0.2):
        retries.count(variants, {})
        found.append(int((retries.FOLDER / "android" / VARIANT).read_text()))
        if timed:
            measured.lay(VARIANT, "android", latency_mean_ms=Measurement(timed, "ms", "ssh"))
        else:
            measured.lay(VARIANT, "android")
    return found


@pytest.mark.parametrize(
    ("where", "numbers"), [("ssh", [1, 2, 2]), ("adb", [1, 2, 2]), ("host", [1, 1, 1])]
)
def test_a_device_is_asked_again_until_it_has_measured(
    project: Path, planned: Plan, where: str, numbers: list[int]
) -> None:
    planner.write(planned)
    assert _counted(where) == numbers


def test_planning_within_a_build_counts_for_every_variant(project: Path, planned: Plan) -> None:
    planner.write(planned)
    assert main(["plan"]) == 0
    assert not retries.FOLDER.exists()
    gone = retries.FOLDER / "android" / "gone"
    artifacts.write(gone, b"3\n")
    assert main(["plan", "--in-repro"]) == 0
    assert not gone.exists()
    found = {file.name for file in retries.FOLDER.rglob("*") if file.is_file()}
    assert found == set(planned["validate"])


def test_a_report_of_an_earlier_edgebake_is_read(project: Path, planned: Plan) -> None:
    planner.write(planned)
    metrics = {"latency_mean_ms": {"value": 0.2}}
    folder = artifacts.folder("validate", VARIANT, "android")
    artifacts.write(folder / "report.json", json.dumps({"metrics": metrics}).encode())
    artifacts.write(folder / artifacts.SUMS, artifacts.sums(folder).encode())
    retries.count({VARIANT: {"where": "ssh", "platform": "android"}}, {})
    assert (retries.FOLDER / "android" / VARIANT).read_text() == "1\n"


@pytest.mark.parametrize("content", [b"", b"abc\n", b"-3\n", b"\xff", b"9" * 10_000])
def test_a_damaged_count_starts_anew(project: Path, planned: Plan, content: bytes) -> None:
    planner.write(planned)
    file = retries.FOLDER / "android" / VARIANT
    artifacts.write(file, content)
    retries.count({VARIANT: {"where": "ssh", "platform": "android"}}, {})
    assert file.read_text() in ("1\n", "999999999\n")


@pytest.mark.parametrize(
    ("name", "gate", "attempts"),
    [
        ("speedup", {"at_least": 0.5}, 2),
        ("speedup", None, 1),
        ("latency_p90_ms", {"at_most": 50, "evidence": "host"}, 2),
        ("latency_p90_ms", {"at_most": 50, "evidence": "device"}, 1),
        ("size_mb", {"at_most": 50}, 1),
    ],
)
def test_what_a_gate_needs_is_timed_again_if_it_was_timed_beside_other_work(
    project: Path, planned: Plan, name: str, gate: dict[str, Any] | None, attempts: int
) -> None:
    planner.write(planned)
    sound = measured.metrics()
    marked: dict[str, Any] = {
        name: replace(sound[name], disturbed_by="another stage") for name in measured.TIMED
    }
    measured.lay(VARIANT, "android", **marked)
    packages = {"android": {"targets": {"pixel_8": {"validate": VARIANT, "budget": {name: gate}}}}}
    variants = {VARIANT: {"where": "host", "platform": "android"}}
    retries.count(variants, packages)
    file = retries.FOLDER / "android" / VARIANT
    assert int(file.read_text()) == attempts
    measured.lay(VARIANT, "android")
    retries.count(variants, packages)
    assert int(file.read_text()) == attempts

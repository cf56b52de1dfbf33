"""The software that a worker has to share with a build."""

import sys
from importlib import metadata

from edgebake.execution.cluster import agreement
from edgebake.execution.cluster.agreement import Environment


def test_the_tools_of_a_plan() -> None:
    plan = {
        "plan": {"sha256": "0"},
        "train": {"a": {"tools": {"keras": "3", "numpy": "2"}}, "b": {"tools": {"scipy": "1"}}},
        "package": {"linux": {"targets": {}}},
    }
    assert agreement.tools_of(plan) == ["keras", "numpy", "scipy"]


def test_this_machine_has_its_own_versions() -> None:
    here = agreement.environment(["numpy", "no-such-tool"])
    assert here.versions["numpy"] == metadata.version("numpy")
    assert here.versions["no-such-tool"] == "not installed"
    assert here.versions["Python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert " (sources " in here.versions["edgebake"]
    assert (
        agreement.first_difference(here, agreement.environment(["numpy", "no-such-tool"])) is None
    )


def test_the_first_difference_names_both_versions() -> None:
    build = Environment({"edgebake": "1 (sources aa)", "keras": "3.15.1"}, "Linux x86_64")
    other_code = Environment({"edgebake": "1 (sources bb)", "keras": "3.14.0"}, "Linux x86_64")
    other_tool = Environment({"edgebake": "1 (sources aa)", "keras": "3.14.0"}, "Linux x86_64")
    nothing = Environment({}, "Linux x86_64")
    assert agreement.first_difference(build, other_code) == (
        "edgebake 1 (sources bb); expected edgebake 1 (sources aa) as on the build's machine"
    )
    assert agreement.first_difference(build, other_tool) == (
        "keras 3.14.0; expected keras 3.15.1 as on the build's machine"
    )
    assert agreement.first_difference(build, nothing) == (
        "edgebake not installed; expected edgebake 1 (sources aa) as on the build's machine"
    )

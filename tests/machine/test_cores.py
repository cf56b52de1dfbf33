"""Isolated cores, as folders of the kernel name them."""

import os
from pathlib import Path

import pytest

from edgebake.machine import cores


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("\n", set()), ("", set()), ("3\n", {3}), ("2-4,7\n", {2, 3, 4, 7}), ("0,2", {0, 2})],
)
def test_a_list_of_the_kernel_is_parsed(text: str, numbers: set[int]) -> None:
    assert cores.parse_list(text) == numbers


def _system(folder: Path, isolated: str, siblings: dict[int, str]) -> Path:
    (folder / "isolated").write_text(isolated)
    for number, text in siblings.items():
        topology = folder / f"cpu{number}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(text)
    return folder


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """Let this process run on every core but 9; the list has the affinities that it set."""
    affinities: list[set[int]] = []

    def affinity(_: int, numbers: set[int]) -> None:
        if 9 in numbers:
            raise OSError(22, "Invalid argument")
        affinities.append(set(numbers))

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", affinity, raising=False)
    return affinities


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("isolated", "siblings", "core"),
    [
        ("\n", {0: "0\n", 1: "1\n"}, None),
        ("2-3\n", {2: "2\n", 3: "3\n"}, 2),
        # Core 2 shares its caches with 0, where everything else runs.
        ("2-3\n", {2: "0,2\n", 3: "3\n"}, 3),
        ("2-3\n", {2: "2-3\n", 3: "2-3\n"}, 2),
        ("9\n", {9: "9\n"}, None),
    ],
)
def test_a_core_is_isolated_with_its_siblings_and_allowed(
    tmp_path: Path, isolated: str, siblings: dict[int, str], core: int | None
) -> None:
    assert cores.own_core(_system(tmp_path, isolated, siblings)) == core


def test_a_system_without_the_folder_has_no_isolated_core(tmp_path: Path) -> None:
    assert cores.own_core(tmp_path / "absent") is None


def test_a_pinned_block_runs_on_the_core_and_the_next_on_all(allowed: list[set[int]]) -> None:
    with cores.pinned(2):
        assert allowed == [{2}]
    assert allowed == [{2}, {0, 1}]

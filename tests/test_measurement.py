"""Findings: what is written down, and that it reads back."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.measurement import Measurement, all_threads, cpu_model, from_dict, not_measured


def test_only_fields_that_say_something_are_written() -> None:
    assert Measurement(0.04, "MB", "file").to_dict() == {"value": 0.04, "unit": "MB", "where": "file"}


def test_zero_is_a_finding() -> None:
    assert Measurement(0.0, "share", "host", threads=1, n=540).to_dict() == {
        "value": 0.0,
        "unit": "share",
        "where": "host",
        "threads": 1,
        "n": 540,
    }


def test_absence_is_written_with_its_reason() -> None:
    assert not_measured("ms", "no such device here").to_dict() == {
        "value": None,
        "unit": "ms",
        "where": "not measured",
        "reason": "no such device here",
    }


@pytest.mark.parametrize(
    "measured",
    [
        Measurement(1.5, "ms", "host", device="some CPU", threads=2, n=500),
        Measurement(0.04, "MB", "file"),
        not_measured("ms", "no such device here"),
    ],
)
def test_what_was_written_reads_back(measured: Measurement) -> None:
    assert from_dict(measured.to_dict()) == measured


def test_threads_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert all_threads() == 3


@pytest.fixture
def no_cpuinfo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: False)


def test_a_processor_on_linux_is_named_by_its_cpuinfo(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "processor\t: 0\nmodel name\t: Some CPU @ 2.4 GHz: 8 cores\nmodel name\t: another\n"
    monkeypatch.setattr(Path, "exists", lambda _: True)
    monkeypatch.setattr(Path, "read_text", lambda _: told)
    assert cpu_model() == "Some CPU @ 2.4 GHz: 8 cores"


def test_a_processor_of_a_mac_is_named_by_sysctl(no_cpuinfo: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "Apple M2 Pro\n", "")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", run)
    assert cpu_model() == "Apple M2 Pro"
    assert asked == [["sysctl", "-n", "machdep.cpu.brand_string"]]


@pytest.mark.parametrize(("processor", "named"), [("Cortex-A76", "Cortex-A76"), ("", "aarch64")])
def test_any_other_processor_is_named_as_python_does(
    no_cpuinfo: None, monkeypatch: pytest.MonkeyPatch, processor: str, named: str
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "processor", lambda: processor)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert cpu_model() == named

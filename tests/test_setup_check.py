"""`make setup` refuses an unsuitable machine with one line, before it changes anything."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import setup_check
from tests.test_requirements import PINNED

ROOT = Path(__file__).parents[1]
Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Stand in for a machine; what is not given is that of a sound one."""

    def set_up(
        system: str = "Linux",
        processor: str = "x86_64",
        glibc: str | None = "glibc 2.28",
        macos: str = "14.0",
    ) -> None:
        monkeypatch.setattr("platform.system", lambda: system)
        monkeypatch.setattr("platform.machine", lambda: processor)
        monkeypatch.setattr("platform.mac_ver", lambda: (macos, ("", "", ""), processor))
        monkeypatch.setattr("os.confstr", lambda _: glibc)

    return set_up


SOUND = [
    {},
    {"glibc": "glibc 2.39"},
    {"processor": "aarch64"},
    {"system": "Darwin", "processor": "arm64"},
    {"system": "Darwin", "processor": "arm64", "macos": "26.1.2"},
]
REFUSED = {
    "musl": (
        {"glibc": None},
        "tensorflow has no wheel for musl, the C library of Alpine; expected a Linux with glibc",
    ),
    "old glibc": (
        {"glibc": "glibc 2.27"},
        "onnxruntime has no wheel for glibc 2.27; expected a Linux with glibc 2.28",
    ),
    "32-bit Raspberry Pi": (
        {"processor": "armv7l"},
        "tensorflow has no wheel for Linux on armv7l; expected x86_64 or",
    ),
    "Intel Mac": (
        {"system": "Darwin"},
        "tensorflow has no wheel for a Mac on Intel, or Python runs under Rosetta;",
    ),
    "old macOS": (
        {"system": "Darwin", "processor": "arm64", "macos": "13.6"},
        "onnxruntime has no wheel for macOS 13.6; expected macOS 14 or newer",
    ),
    "Windows": (
        {"system": "Windows", "processor": "AMD64"},
        "this is Windows; expected Linux or macOS: on Windows, a",
    ),
}


@pytest.mark.parametrize("facts", SOUND, ids=str)
def test_a_sound_machine_is_not_refused(facts: dict[str, str], machine: Machine) -> None:
    machine(**facts)
    assert setup_check.refusal("pip") == ""


@pytest.mark.parametrize(("facts", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_machine_without_wheels_is_refused(
    facts: dict[str, str], expected: str, machine: Machine
) -> None:
    machine(**facts)
    complaint = setup_check.refusal("pip")
    assert complaint.startswith(expected)
    assert "\n" not in complaint
    if "wheel" in complaint:
        assert complaint.split()[0] in PINNED


def test_an_old_python_is_refused_first(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(glibc=None)
    monkeypatch.setattr("sys.version_info", (3, 10, 13))
    monkeypatch.setattr("sys.version", "3.10.13 (main)")
    assert setup_check.refusal("pip") == (
        "this is Python 3.10.13; expected 3.11, 3.12 or 3.13: make PYTHON=python3.11 ..."
    )


def test_another_python_than_cpython_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.implementation", SimpleNamespace(name="pypy"))
    monkeypatch.setattr("platform.python_implementation", lambda: "PyPy")
    assert setup_check.refusal("pip").startswith("tensorflow has no wheel for PyPy 3.")


def test_pip_needs_ensurepip_and_uv_does_not(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine()
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert setup_check.refusal("uv") == ""
    assert setup_check.refusal("pip").startswith(
        "this Python has no ensurepip; expected it: apt-get install python3."
    )


def test_a_refusal_leaves_everything_as_it_is(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'edgebake: this is Python 3.10.13' >&2\nexit 1\n")
    python.chmod(0o755)
    for name in ("Makefile", "setup_check.py", "requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "kept").touch()
    done = subprocess.run(
        ["make", "setup", f"PYTHON={python}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "edgebake: this is Python 3.10.13"
    assert (tmp_path / ".venv" / "kept").exists()


def test_the_python_outside_of_any_venv_is_named() -> None:
    command = [sys.executable, str(ROOT / "setup_check.py"), "pip"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    python = done.stdout.removesuffix("\n")
    prefixes = "import sys; print(sys.prefix == sys.base_prefix, sys.prefix)"
    output = subprocess.run(
        [python, "-c", prefixes], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == f"True {sys.base_prefix}"

"""Refuse a machine on which edgebake cannot run, before anything is removed or downloaded.

`make setup` runs this with the Python from which it will create .venv, and reads the path of that
Python from standard output. The script needs only the standard library and runs under every
Python 3, so that an old version gets an error message instead of a syntax error.
"""

import os
import platform
import sys
import sysconfig

# The oldest versions that the wheels of requirements.txt support.
GLIBC = (2, 28)
MACOS = (14, 0)


def refusal(installer: str) -> str:
    """Return what this machine lacks and what was expected; an empty text if it is suitable."""
    return _python() or _system() or _venv(installer)


def _python() -> str:
    version = sys.version.split()[0]
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        expected = "; expected 3.11, 3.12 or 3.13: make PYTHON=python3.11 ..."
        return "this is Python " + version + expected
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        name = platform.python_implementation() + " " + version
        expected = " as built here; expected CPython with its lock"
        return "tensorflow has no wheel for " + name + expected
    if sys.maxsize < 2**32:
        return "tensorflow has no wheel for a 32-bit Python; expected a 64-bit one"
    return ""


def _system() -> str:
    system, machine = platform.system(), platform.machine()
    if system == "Linux":
        return _linux(machine)
    if system == "Darwin":
        return _mac(machine)
    return "this is " + system + "; expected Linux or macOS: on Windows, a Linux of WSL 2"


def _linux(machine: str) -> str:
    if machine not in ("x86_64", "aarch64"):
        return "tensorflow has no wheel for Linux on " + machine + "; expected x86_64 or aarch64"
    glibc = _glibc()
    if not glibc:
        return (
            "tensorflow has no wheel for musl, the C library of Alpine; "
            "expected a Linux with glibc 2.28 or newer"
        )
    if tuple(int(part) for part in glibc.split(".")[:2]) < GLIBC:
        expected = "; expected a Linux with glibc 2.28 or newer"
        return "onnxruntime has no wheel for glibc " + glibc + expected
    return ""


def _glibc() -> str:
    try:
        name = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):  # another C library does not have the name
        name = ""
    return name.replace("glibc", "").strip()


def _mac(machine: str) -> str:
    if machine != "arm64":
        return (
            "tensorflow has no wheel for a Mac on Intel, or Python runs under Rosetta; "
            "expected Apple silicon"
        )
    version = platform.mac_ver()[0]
    if tuple(int(part) for part in version.split(".")[:2]) < MACOS:
        return "onnxruntime has no wheel for macOS " + version + "; expected macOS 14 or newer"
    return ""


def _venv(installer: str) -> str:
    if installer == "pip":
        try:
            import ensurepip  # noqa: F401 - only checks that it exists
        except ImportError:
            package = "python3." + str(sys.version_info[1]) + "-venv"
            missing = "this Python has no ensurepip; expected it: apt-get install "
            return missing + package + ", or install uv"
    return ""


if __name__ == "__main__":
    message = refusal(sys.argv[1])
    if message:
        sys.exit("edgebake: " + message)
    # The Python outside of any venv: .venv may be active, and is about to be removed.
    sys.stdout.write(getattr(sys, "_base_executable", sys.executable) + "\n")

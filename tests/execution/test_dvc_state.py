"""Files that DVC left half-written are set aside; those that it can read stay."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgebake.execution import dvc_state
from tests import builds

OUTPUT_LIST = """\
    outs:
    - path: b.txt
      hash: md5
      md5: 401b30e3b8b5d629635a5c613cdb7919
      size: 2
"""
DEPENDENCY_LIST = OUTPUT_LIST.replace("outs", "deps").replace("b.txt", "a.txt")
LOCK = f"schema: '2.0'\nstages:\n  copy:\n    cmd: cp a.txt b.txt\n{DEPENDENCY_LIST}{OUTPUT_LIST}"
PIPELINE = "stages:\n  copy:\n    cmd: cp a.txt b.txt\n    deps: [a.txt]\n    outs: [b.txt]\n"
REMEDY = "DVC looks for the outputs in its run cache"


@pytest.fixture
def dvc_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC project of one stage that copies a.txt to b.txt; the test runs in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    (tmp_path / "a.txt").write_text("x\n")
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    assert _dvc("init", "--quiet", "--no-scm").returncode == 0
    return tmp_path


def _dvc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return builds.run(Path(), sys.executable, "-m", "dvc", *arguments)


def test_files_that_dvc_reads_stay(dvc_project: Path) -> None:
    assert _dvc("repro").returncode == 0
    lock = Path("dvc.lock").read_bytes()
    assert dvc_state.set_aside_unreadable() == []
    assert Path("dvc.lock").read_bytes() == lock


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "incomplete (required key not provided @ data['schema'])"),
        (b"sch", "incomplete (expected a dictionary)"),
        (bytes(100), "not YAML (unacceptable character #x0000"),
        (b"\xff\xfe\x00", "not YAML ("),
        (b"schema: '2.0'\nstages:\n  copy:\n    cm", "incomplete ("),
        (b"schema: '3.0'\n", "incomplete ("),
    ],
    ids=["empty", "a word", "NULs", "no text", "cut", "schema"],
)
def test_a_half_written_lock_file_is_moved(dvc_project: Path, content: bytes, fault: str) -> None:
    Path("dvc.lock").write_bytes(content)
    assert _dvc("status").returncode != 0
    (line,) = dvc_state.set_aside_unreadable()
    assert line.startswith(f"dvc.lock: {fault}")
    assert line.endswith(f"; moved to .dvc/tmp/dvc.lock.unreadable: {REMEDY}")
    assert "\n" not in line
    assert Path(".dvc/tmp/dvc.lock.unreadable").read_bytes() == content
    assert _dvc("repro").returncode == 0


def test_no_cut_of_a_lock_file_stops_dvc(dvc_project: Path) -> None:
    """After 50 cuts, the first at no byte, DVC reads what is left, or it was set aside."""
    for cut in range(50):
        size = cut * len(LOCK) // 50
        Path("dvc.lock").write_text(LOCK[:size])
        dvc_state.set_aside_unreadable()
        refused = cut % 10 == 0 and _dvc("status").returncode != 0
        assert not refused, f"{size} bytes"
        if Path("dvc.lock").exists():
            _assert_dvc_reads(Path("dvc.lock"))


def _assert_dvc_reads(lock: Path) -> None:
    """DVC's own validation, without the second that a process of DVC takes."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import load_yaml

    COMPILED_LOCKFILE_SCHEMA(load_yaml(str(lock)))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "not JSON (Expecting value: line 1 column 1 (char 0))"),
        ('{"write": {"b', "not JSON (Unterminated string starting at: line 1 column 12 (char 11))"),
        ("[]", "incomplete (expected a dictionary)"),
        ("\0\0", "not JSON (Expecting value: line 1 column 1 (char 0))"),
    ],
)
def test_a_half_written_rwlock_is_moved(dvc_project: Path, content: str, fault: str) -> None:
    rwlock = Path(".dvc/tmp/rwlock")
    rwlock.write_text(content)
    assert dvc_state.set_aside_unreadable() == [
        f".dvc/tmp/rwlock: {fault}; moved to .dvc/tmp/rwlock.unreadable: {REMEDY}"
    ]
    assert _dvc("repro").returncode == 0


def test_an_rwlock_of_processes_that_are_not_dvc_is_removed(dvc_project: Path) -> None:
    """DVC would wait for this process, whose number a killed DVC had before."""
    rwlock = Path(".dvc/tmp/rwlock")
    entry = {"pid": os.getppid(), "cmd": "dvc repro"}
    rwlock.write_text(json.dumps({"write": {str(dvc_project / "b.txt"): entry}}))
    shell = shutil.which("sh") or "/bin/sh"
    with subprocess.Popen([shell, "-c", "sleep 60; true"]) as other:
        entry["pid"] = other.pid
        rwlock.write_text(json.dumps({"write": {str(dvc_project / "b.txt"): entry}}))
        assert "is busy" in _dvc("repro").stderr
        assert dvc_state.set_aside_unreadable() == []
        assert not rwlock.exists()
        assert _dvc("repro").returncode == 0
        other.kill()


def test_files_of_a_running_dvc_are_left_alone(dvc_project: Path) -> None:
    Path("dvc.lock").write_text("half")
    with Path(".dvc/tmp/lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert dvc_state.set_aside_unreadable() == []
    assert Path("dvc.lock").read_text() == "half"


@pytest.mark.parametrize("content", [b"no database" * 1000, None], ids=["another file", "cut"])
def test_a_damaged_database_is_moved(dvc_project: Path, content: bytes | None) -> None:
    assert _dvc("repro").returncode == 0
    (database,) = (dvc_project / "site").rglob("hashes/local/cache.db")
    database.write_bytes(content or database.read_bytes()[:5000])
    refused = _dvc("repro")
    assert refused.returncode != 0
    (line,) = dvc_state.set_aside_databases(refused.stdout + refused.stderr)
    assert line.startswith(f"{database}: ")
    assert line.endswith(": DVC hashes files again")
    assert _dvc("repro").returncode == 0


def test_other_failures_of_dvc_move_nothing() -> None:
    assert dvc_state.set_aside_databases("ERROR: failed to reproduce 'train'") == []

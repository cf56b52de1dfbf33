"""Children that die, hang or take too much, as errors that name the file and the library."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgebake.child_process.child import Child, Subject, imported_modules, run
from edgebake.child_process.limits import Limits
from edgebake.errors import ConversionError, ModelError
from tests import other_system
from tests.child_process import misbehaving

EXPECTED = "expected a model that runs"
SUBJECT = Subject("mine.tflite", "LiteRT", ModelError, EXPECTED)
ALLOWED = Limits(memory_gib=2, seconds=60, file_mib=1)
READING = Limits(memory_gib=2, seconds=60)


def test_values_come_back_as_they_were() -> None:
    value = {"a": [1, 2.5, None, True, b"\x00x", "é\x1b"], 3: {}}
    assert run(ALLOWED, SUBJECT, misbehaving.echo, value) == value


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (misbehaving.abort, r"was ended by SIGABRT (free(): double \x1b[31mfree detected)"),
        (misbehaving.read_address_zero, "was ended by SIGSEGV"),
        (misbehaving.throw_bad_alloc, "needed more than 2 GiB of memory"),
        (misbehaving.exit_quietly, "ended with exit code 3"),
        (misbehaving.fail, r"failed (ValueError: no such \x1b[2J tensor)"),
        (misbehaving.return_an_object, "failed (TypeError: a module cannot leave a child process)"),
    ],
)
def test_a_child_that_dies_is_an_error_about_the_file(
    function: Callable[[], object], problem: str
) -> None:
    with pytest.raises(ModelError) as caught:
        run(ALLOWED, SUBJECT, function)
    assert str(caught.value) == f"mine.tflite: LiteRT {problem}; {EXPECTED}"


def test_a_child_that_allocates_without_end_is_stopped() -> None:
    if sys.platform == "darwin":
        other_system.skip("macOS does not limit addresses")
    allowed = Limits(memory_gib=0.5, seconds=60, memory_key="model.imported.memory_gib")
    with pytest.raises(ModelError) as caught:
        run(allowed, SUBJECT, misbehaving.allocate)
    problem = "needed more than 0.5 GiB of memory, the limit model.imported.memory_gib"
    assert str(caught.value) == f"mine.tflite: LiteRT {problem}; {EXPECTED}"


def test_a_child_that_does_not_answer_is_stopped() -> None:
    allowed = Limits(memory_gib=2, seconds=1, seconds_key="model.imported.seconds")
    start = time.monotonic()
    with pytest.raises(ModelError) as caught:
        run(allowed, SUBJECT, misbehaving.sleep)
    problem = "took longer than 1 s, the limit model.imported.seconds"
    assert str(caught.value) == f"mine.tflite: LiteRT {problem}; {EXPECTED}"
    assert time.monotonic() - start < 20


def test_processes_that_a_child_started_end_with_it(tmp_path: Path) -> None:
    file = tmp_path / "process"
    allowed = Limits(memory_gib=2, seconds=2, file_mib=1)
    with pytest.raises(ModelError, match="took longer than 2 s"):
        run(allowed, SUBJECT, misbehaving.start_a_sleeper, str(file))
    wait_until(lambda: has_ended(int(file.read_text())))


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    if sys.platform != "linux":
        other_system.skip("only Linux ends the children of a process that was killed")
    program = (
        "from tests.child_process.test_child import ALLOWED, SUBJECT, run\n"
        "from tests.child_process.misbehaving import start_a_sleeper\n"
        f"run(ALLOWED, SUBJECT, start_a_sleeper, {str(tmp_path / 'process')!r})"
    )
    # A parent that is killed leaves the folder of its child.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", program], env=environment)
    process = tmp_path / "process"
    wait_until(lambda: process.is_file() and process.read_text() != "")
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    (child,) = children.read_text().split()
    parent.kill()
    parent.wait()
    wait_until(lambda: has_ended(int(child)))
    os.kill(int(process.read_text()), signal.SIGKILL)


def has_ended(process: int) -> bool:
    """Return whether a process is gone, or waits to be collected."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return state.stdout.strip()[:1] in ("", "Z")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_file_may_be_as_large_as_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "written"
    run(ALLOWED, SUBJECT, misbehaving.write_a_file, str(file), misbehaving.MIB)
    assert file.stat().st_size == misbehaving.MIB
    with pytest.raises(ModelError) as caught:
        run(ALLOWED, SUBJECT, misbehaving.write_a_file, str(file), misbehaving.MIB + 1)
    assert str(caught.value) == f"mine.tflite: LiteRT wrote a file larger than 1 MiB; {EXPECTED}"


def test_a_child_that_may_write_nothing_has_a_temporary_folder() -> None:
    with Child(READING) as child:
        folder = child.call(SUBJECT, misbehaving.environment)["TMPDIR"]
        assert child.call(SUBJECT, misbehaving.temporary_folder) == folder


def test_errors_of_edgebake_come_back_with_their_type_and_escaped() -> None:
    with pytest.raises(ModelError) as caught:
        run(
            ALLOWED, Subject("mine.tflite", "LiteRT", ConversionError, EXPECTED), misbehaving.refuse
        )
    assert str(caught.value) == r"mine.onnx: is \x1b[2Jdamaged; expected a model"


def test_a_reply_that_is_none_is_refused() -> None:
    with pytest.raises(ModelError, match=r"mine\.tflite: LiteRT returned no valid data \("):
        run(ALLOWED, SUBJECT, misbehaving.answer_garbage)


def test_what_libraries_print_neither_blocks_a_child_nor_is_a_reply() -> None:
    assert run(ALLOWED, SUBJECT, misbehaving.print_much) == 1


def test_a_log_gets_what_a_failed_child_printed(capfd: pytest.CaptureFixture[str]) -> None:
    run(ALLOWED, SUBJECT, misbehaving.print_much)
    assert capfd.readouterr().err == ""
    with pytest.raises(ModelError):
        run(ALLOWED, SUBJECT, misbehaving.abort)
    assert capfd.readouterr().err == "free(): double \\x1b[31mfree detected\n\n"


def test_a_child_gets_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("EDGEBAKE_KEY", "MY_OWN_KEY", "AWS_SECRET_ACCESS_KEY", "LD_SDK_KEY", "TF_TOKEN_io")
    for name in secrets:
        monkeypatch.setenv(name, "secret")
    environment = run(ALLOWED, SUBJECT, misbehaving.environment)
    assert "secret" not in environment.values()
    assert environment["CUDA_VISIBLE_DEVICES"] == "-1"


def test_a_child_is_one_process_for_many_calls_and_leaves_no_files() -> None:
    with Child(ALLOWED) as child:
        first = child.call(SUBJECT, misbehaving.process_id)
        assert child.call(SUBJECT, misbehaving.process_id) == first != os.getpid()
        folder = Path(child.call(SUBJECT, misbehaving.environment)["TMPDIR"])
        assert folder.is_dir()
        assert folder.is_relative_to(tempfile.gettempdir())
        assert child.is_alive
    assert not folder.exists()
    assert not child.is_alive


def test_a_dead_child_stays_dead() -> None:
    with Child(ALLOWED) as child:
        for problem in ("was ended by SIGABRT", "was ended by SIGABRT"):
            with pytest.raises(ModelError, match=problem):
                child.call(SUBJECT, misbehaving.abort)


def test_large_arrays_come_back_bit_for_bit() -> None:
    generator = np.random.default_rng(0)
    array = generator.normal(size=(8, 512, 512)).astype(np.float32)
    array[0, 0, 0] = np.nan
    returned = run(ALLOWED, SUBJECT, misbehaving.echo, array)
    assert returned.dtype == np.float32
    assert returned.tobytes() == array.tobytes()


def test_the_modules_of_a_child_are_known_to_its_parent() -> None:
    run(ALLOWED, SUBJECT, misbehaving.echo, 1)
    assert "edgebake.child_process.server" in imported_modules

"""Files that a child process runs: the same outputs, and crashes that name file and runtime."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.child_process.limits import Limits
from edgebake.errors import ConversionError, RecipeError
from edgebake.runtimes import session, session_process
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import NamedExamples
from edgebake.runtimes.session_process import EXPECTED, SessionFile, SessionProcess
from edgebake.terminal import progress
from edgebake.terminal.progress import Progress
from tests import handmade, other_system
from tests.runtimes import misbehaving_session
from tests.runtimes.misbehaving_session import FILES

LIBRARIES = {"litert": "LiteRT", "onnxruntime": "ONNX Runtime"}


def numbers(count: int) -> NDArray[np.float32]:
    """Return examples of two numbers, float32 [count, 2]."""
    return np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)


@pytest.mark.parametrize("runtime", LIBRARIES)
def test_outputs_are_bit_for_bit_those_of_this_process(runtime: str) -> None:
    file = SessionFile.of_runtime("a file", runtime, FILES[runtime], 1)
    examples = numbers(200)  # several batches of growing size
    outputs = session_process.predictions(file, NamedExamples({"image": examples}))
    here = session.predictions(
        load_runtime(runtime).load_session(FILES[runtime], 1), NamedExamples({"image": examples})
    )
    assert list(outputs) == list(here)
    for name, values in here.items():
        assert outputs[name].dtype == np.float32
        assert outputs[name].tobytes() == values.tobytes()


def test_examples_that_were_run_are_reported() -> None:
    file = SessionFile.of_runtime("a", "litert", FILES["litert"], 1)
    shown: list[Progress] = []
    with progress.reported_to(shown.append):
        session_process.predictions(file, NamedExamples({"image": numbers(200)}))
    assert shown[0] == Progress(1, 200, "examples")
    assert shown[-1] == Progress(200, 200, "examples")


def test_one_process_runs_one_file_after_the_other() -> None:
    images = np.zeros((3, 32, 32, 1), np.float32)
    with SessionProcess() as process:
        for answer in (3, 8):
            files = {"model.tflite": handmade.constant_tflite(answer)}
            outputs = process.predictions(
                SessionFile.of_runtime("a", "litert", files, 1), NamedExamples({"image": images})
            )
            assert session.single_output(outputs).argmax(axis=1).tolist() == [answer] * 3


@pytest.mark.parametrize("runtime", LIBRARIES)
@pytest.mark.parametrize(
    ("deed", "problem"),
    [
        ("abort", r"was ended by SIGABRT (free(): double \x1b[31mfree detected)"),
        ("read_address_zero", "was ended by SIGSEGV"),
        ("allocate", "needed more than 1 GiB of memory"),
        ("sleep", "took longer than 4 s"),
        ("write", "wrote a file larger than 1 MiB"),
        ("fail", r"failed (ValueError: no such \x1b[2J tensor)"),
    ],
)
def test_a_session_that_misbehaves_is_an_error_that_names_file_and_runtime(
    runtime: str, deed: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if deed == "allocate" and sys.platform == "darwin":
        other_system.skip("macOS does not limit addresses")
    limits = Limits(memory_gib=1, seconds=4 if deed == "sleep" else 60, file_mib=1)
    monkeypatch.setattr(session_process, "LIMITS", limits)
    argument = tmp_path / "file" if deed == "write" else deed
    file = SessionFile(
        "artifacts/convert/x/files/model",
        LIBRARIES[runtime],
        misbehaving_session.load,
        (runtime, argument),
    )
    with pytest.raises(ConversionError) as caught:
        session_process.predictions(file, NamedExamples({"image": numbers(8)}))
    assert str(caught.value) == (
        f"artifacts/convert/x/files/model: {LIBRARIES[runtime]} {problem}; {EXPECTED}"
    )


def test_a_file_that_makes_litert_read_other_memory_is_named() -> None:
    """What that memory holds decides whether LiteRT dies or notices."""
    files = {"model.tflite": handmade.tflite_without_weights()}
    file = SessionFile.of_runtime("convert x: model.tflite", "litert", files, 1)
    with pytest.raises(
        ConversionError, match=r"^convert x: model\.tflite: LiteRT (was ended by SIGSEGV|failed \()"
    ):
        session_process.predictions(
            file, NamedExamples({"image": np.zeros((1, 32, 32, 1), np.float32)})
        )


@pytest.mark.parametrize("runtime", LIBRARIES)
def test_a_file_that_a_runtime_cannot_load_is_named(runtime: str) -> None:
    files = dict.fromkeys(FILES[runtime], b"no model")
    file = SessionFile.of_runtime("artifacts/convert/x/files/model", runtime, files, 1)
    with pytest.raises(ConversionError) as caught:
        session_process.predictions(file, NamedExamples({"image": numbers(1)}))
    text = str(caught.value)
    assert text.startswith(f"artifacts/convert/x/files/model: {LIBRARIES[runtime]} failed (")
    assert text.endswith(f"; {EXPECTED}")


def test_errors_of_edgebake_keep_their_type() -> None:
    file = SessionFile("a", "none", session_process.load_session_of, ("nothing", {}, 1, ""))
    with pytest.raises(RecipeError, match="no module plugins/runtimes/nothing"):
        session_process.predictions(file, NamedExamples({"image": numbers(1)}))

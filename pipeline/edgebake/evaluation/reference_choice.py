"""Choose the float reference, and run it.

A float file of LiteRT or ONNX Runtime runs without TensorFlow, but its converter may be wrong. So a
file is taken only if it was shown to answer as the source model does on the validation split. If
none does, the source model's own predictions for the test images are written down.
"""

import io
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts, plugins
from edgebake.errors import ConversionError, EdgebakeError
from edgebake.evaluation import float_reference
from edgebake.evaluation.float_reference import (
    FOLDER,
    LIBRARIES,
    SUMMARY,
    TOLERANCE,
    FloatReference,
)
from edgebake.runtimes import finite_check, session_process
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import Examples, single_output
from edgebake.tasks.task import AnswerComparison, Task, default_task

ANSWERS = "answers.npy"
THREADS = 1
MAX_REASON = 300  # characters

Predict = Callable[[Examples], NDArray[np.float32]]  # -> [n, classes]


@dataclass(frozen=True)
class SourceModel:
    """The trained or imported model, which the float reference has to answer as."""

    library: str  # in which it runs
    tools: tuple[str, ...]  # distributions of the library
    predict: Predict
    validation_inputs: Examples
    validation_predictions: NDArray[np.float32]  # [n, classes]
    test_inputs: Callable[[], Examples]  # read only if no file answers as the model does
    task: Task = field(default_factory=default_task)


@dataclass(frozen=True)
class Candidate:
    """A runtime whose float file may be the reference."""

    runtime: str
    convert: Callable[[], bytes]  # the float file; may raise any error of a converter


def choose(source: SourceModel, candidates: Iterable[Candidate]) -> dict[str, bytes]:
    """Return the files of float/: the first candidate that answers as the source model does.

    Without such a candidate, the predictions of the source model for the test split. Why a
    candidate is not taken goes to the log of the stage.
    """
    refused: dict[str, str] = {}
    for candidate in candidates:
        try:
            content = _convert(candidate)
            comparison = _compare(candidate, content, source)
        except EdgebakeError as error:
            reason = str(error)[:MAX_REASON]
            refused[candidate.runtime] = reason
            name = LIBRARIES[candidate.runtime]
            sys.stderr.write(f"float reference: no file of {name}: {reason}\n")
            continue
        facts = load_runtime(candidate.runtime).facts
        reference = FloatReference(
            source=source.library,
            runtime=candidate.runtime,
            file=facts.file,
            tools=plugins.tools(*facts.run_tools),
            examples=comparison.n,
            same_answers=comparison.same,
            largest_difference=_rounded(comparison.largest_difference),
            refused=refused,
        )
        return _files(reference, content)
    return _written_down(source, refused)


def predictions(train: Path, inputs: Examples) -> NDArray[np.float32]:
    """Return the predictions [n, classes] of the reference for the test split.

    Raises:
        ConversionError: its file does not run, or does not answer with finite numbers.
        ArtifactError: the predictions that were written down are those of other examples.
    """
    reference = float_reference.read(train)
    file = train / FOLDER / reference.file
    if reference.runtime:
        return _run(str(file), reference.runtime, file.read_bytes(), inputs)
    written: NDArray[np.float32] = np.load(file, allow_pickle=False)
    if len(written) != len(inputs):
        raise artifacts.damaged(file, f"{len(written)} predictions for {len(inputs)} test examples")
    return written


def _convert(candidate: Candidate) -> bytes:
    """Return the float file of a candidate.

    Raises:
        ConversionError: its converter does not write one.
    """
    try:
        return candidate.convert()
    except EdgebakeError:
        raise
    except Exception as error:  # converters raise errors of any type
        lines = str(error).strip().splitlines()
        summary = lines[0] if lines else "no reason given"
        raise ConversionError(f"its converter fails: {type(error).__name__}: {summary}") from error


def _compare(candidate: Candidate, content: bytes, source: SourceModel) -> AnswerComparison:
    """Compare a candidate's float file with the source model on the validation split.

    Raises:
        ConversionError: it does not answer as the source model does.
    """
    name = f"float.{load_runtime(candidate.runtime).facts.file.partition('.')[2]}"
    file_predictions = _run(name, candidate.runtime, content, source.validation_inputs)
    comparison = source.task.compare({"": file_predictions}, {"": source.validation_predictions})
    if comparison.largest_difference > TOLERANCE:
        raise ConversionError(
            f"its file differs from {source.library} by up to {comparison.largest_difference:.2g} "
            f"in a probability, and in the predicted class of "
            f"{comparison.n - comparison.same:,} of {comparison.n:,} validation examples; "
            f"expected at most {TOLERANCE:g}"
        )
    return comparison


def _run(name: str, runtime: str, content: bytes, inputs: Examples) -> NDArray[np.float32]:
    """Return the predictions [n, classes] of a float file.

    Raises:
        ConversionError: it does not run, or some are not finite.
    """
    file = RuntimeFile(name, runtime, {load_runtime(runtime).facts.file: content})
    outputs = session_process.predictions(file.session_file(THREADS), inputs)
    finite_check.refuse_not_finite(file, outputs, inputs)
    return single_output(outputs)


def _written_down(source: SourceModel, refused: dict[str, str]) -> dict[str, bytes]:
    """Return the files of a reference that is the predictions of the source model."""
    sys.stderr.write(f"float reference: {source.library} predicts the test examples\n")
    written = source.predict(source.test_inputs())
    buffer = io.BytesIO()
    np.save(buffer, written, allow_pickle=False)
    reference = FloatReference(
        source=source.library,
        runtime="",
        file=ANSWERS,
        tools=plugins.tools(*source.tools),
        examples=len(source.validation_predictions),
        same_answers=len(source.validation_predictions),
        refused=refused,
    )
    return _files(reference, buffer.getvalue())


def _files(reference: FloatReference, content: bytes) -> dict[str, bytes]:
    summary = json.dumps(asdict(reference), indent=2) + "\n"
    return {f"{FOLDER}/{SUMMARY}": summary.encode(), f"{FOLDER}/{reference.file}": content}


def _rounded(difference: float) -> float:
    """Return a difference with two digits: the third depends on the processor's kernels."""
    return float(f"{difference:.2g}")

"""False alarms of a file: the stream that it hears, and labels without examples."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgebake.data.dataset import Examples
from edgebake.errors import DataError
from edgebake.evaluation.quality import MeasurementContext
from edgebake.recipe import Data, DataInput, Listening, Model, Task
from edgebake.recipe.stage_params import ValidateParams
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.runtimes.run_modes import RunMode
from edgebake.stages import validate_stream
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract
from edgebake.tasks.options import ContractOptions
from tests.sounds import tone

LABELS = ["noise", "yes"]
FILE = RuntimeFile("model.tflite", "litert", {})


class HearsLoudClips:
    """A process whose file hears `yes` in every clip with a loud band."""

    def __enter__(self) -> "HearsLoudClips":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def predictions(self, _: object, clips: Any) -> dict[str, Any]:
        tensors = clips[slice(0, len(clips))]["audio"]
        loud = tensors.max(axis=(1, 2, 3)) > 0
        return {"probabilities": np.stack([~loud, loud], axis=1).astype(np.float32)}


@pytest.fixture
def model_contract() -> Contract:
    data = Data(source="espeak", input=DataInput("audio", {}))
    return contract.from_recipe(ContractOptions(data, Model(), Task()), LABELS)


@pytest.fixture
def examples() -> Examples:
    """Two seconds of silence and one of a tone that are noise, and a tone that is a word."""
    silence = np.zeros(16000, np.int16)
    sounds = [silence, tone(16000), silence, tone(16000)]
    return Examples(sounds, np.array([0, 1, 0, 0]), LABELS)


def _listening(*labels: str) -> Listening:
    return Listening(labels=list(labels), threshold=0.5, over=1, hold=1)


def test_a_file_hears_the_examples_of_the_labels_clip_by_clip(
    examples: Examples, model_contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate_stream, "SessionProcess", HearsLoudClips)
    alarms = validate_stream.count_alarms(_listening("noise"), examples, model_contract, FILE)
    # 3 s, clips of 1 s each 0.5 s: the last two hear the tone, which is one alarm.
    assert alarms.clips == 5
    assert alarms.count == 1
    assert alarms.per_hour == pytest.approx(1200)


def test_a_label_without_examples_is_refused(examples: Examples, model_contract: Contract) -> None:
    with pytest.raises(DataError) as refused:
        validate_stream.count_alarms(_listening("silence"), examples, model_contract, FILE)
    assert str(refused.value) == (
        "validate.budget.false_alarms_per_hour.labels: 'silence' has no test examples; "
        "expected labels of: noise, yes"
    )


def test_alarms_were_heard_where_the_first_run_mode_runs(
    examples: Examples, model_contract: Contract, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rounded = RunMode(where="executor")
    runtime = SimpleNamespace(run_modes=lambda _: (rounded, RunMode("float32_arithmetic")))
    monkeypatch.setattr(validate_stream, "SessionProcess", HearsLoudClips)
    monkeypatch.setattr(validate_stream, "load_runtime", lambda _: runtime)
    params = ValidateParams(listening=_listening("noise"))
    job = Job("commands", params, tmp_path)
    context = MeasurementContext("some CPU", "Linux", "", "coremltools 9", 1, "ab" * 32)
    measured = validate_stream.measure(job, examples, model_contract, FILE, context)
    alarms = measured["false_alarms_per_hour"]
    assert alarms.where == "executor"
    assert alarms.value == pytest.approx(1200)

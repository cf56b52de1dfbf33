"""A recording made elsewhere: taken for the very file that was timed, and for nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import DataError
from edgebake.evaluation.devices import recorded
from edgebake.evaluation.latency import stopwatch
from edgebake.evaluation.latency.request import TimingResult
from edgebake.recipe import Recorded
from tests import timings

ROUNDS = [[2.0] * 10] * 30
SLOWER = [[6.0] * 10] * 30


class Lab:
    """A recording of the handmade file and how to measure with it."""

    def __init__(self, root: Path) -> None:
        self.path = root / "recording.json"
        self.job = timings.timing_request(
            root, where="recorded", recorded=Recorded(str(self.path)), runs=300, seconds=0.6
        )
        self.sha256 = stopwatch.digest(root / "files" / "model.tflite")
        self.baseline = stopwatch.digest(root / "baseline" / "model.tflite")

    def recording(self, **fields: Any) -> Any:
        """Return a sound recording, with other fields where given."""
        return timings.recording(
            ROUNDS, SLOWER, **{"sha256": self.sha256, "baseline_sha256": self.baseline, **fields}
        )

    def of(self, way: str, threads: Any) -> Any:
        """Return a recording in another mode or on other threads."""
        return self.recording(
            request=timings.stopwatch_request(Path("model.tflite"), way=way) | {"threads": threads}
        )

    def measured(self, content: Any) -> TimingResult:
        """Measure with a recording that holds this."""
        self.path.write_text(content if isinstance(content, str) else json.dumps(content))
        return recorded.measure(self.job)

    def reason(self, content: Any) -> str:
        """Return why nothing was measured."""
        found = self.measured(content).metrics
        (reason,) = {metric.reason for metric in found.values() if metric.value is None}
        assert sorted(found) == ["frames_per_second", "latency_p90_ms", "peak_memory_mb", "speedup"]
        return reason


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_a_recording_of_this_file_is_taken(lab: Lab) -> None:
    found = lab.measured(lab.recording())
    p90 = found.metrics["latency_p90_ms"]
    assert (p90.value, p90.where, p90.device, p90.n, p90.sha256) == (
        2.0,
        "recorded",
        "some CPU",
        300,
        lab.sha256,
    )
    assert found.metrics["speedup"].value == 3.0
    assert len(found.resamples["latency_p90_ms"]) == 999


def test_what_the_stopwatch_really_writes_is_taken(lab: Lab) -> None:
    asked = timings.stopwatch_request(
        lab.job.files / "model.tflite", batch=2, runs=300, seconds=0.6, sustained_minutes=0.1 / 60
    )
    real = stopwatch.time_model(
        asked | {"baseline": str(lab.job.files.parent / "baseline" / "model.tflite")}
    )
    found = lab.measured(real).metrics
    for name in ("latency_p90_ms", "speedup", "throughput_batch_2", "sustained_drift"):
        assert found[name].value
        assert found[name].where == "recorded"


def test_a_list_holds_repetitions_ways_and_all_threads(lab: Lab) -> None:
    found = lab.measured(
        [lab.recording(), lab.recording(), lab.of("cpu_only", None), lab.of("", "all")]
    ).metrics
    assert found["latency_p90_ms"].n == 600
    assert found["latency_p90_ms_cpu_only"].n == 300
    assert found["latency_p90_ms_all_threads"].n == 300


def test_a_recording_of_another_file_is_refused(lab: Lab) -> None:
    expected = f"{lab.path}: a recording of another file: sha256 abc, this one is {lab.sha256}"
    assert lab.reason(lab.recording(sha256="abc")) == expected
    assert lab.reason([lab.recording(), lab.recording(sha256="abc")]) == expected


def test_beside_another_baseline_only_the_speedup_is_refused(lab: Lab) -> None:
    found = lab.measured(lab.recording(baseline_sha256="abc"))
    assert found.metrics["latency_p90_ms"].value == 2.0
    expected = (
        f"{lab.path}: recorded with another float parent: sha256 abc, this one is {lab.baseline}"
    )
    assert (found.metrics["speedup"].value, found.metrics["speedup"].reason) == (None, expected)
    assert "baseline_p90_ms" not in found.metrics
    assert "speedup" not in found.resamples


def test_without_a_baseline_only_the_speedup_is_refused(lab: Lab) -> None:
    alone = timings.recording(ROUNDS, sha256=lab.sha256)
    assert lab.measured(alone).metrics["speedup"].reason == f"{lab.path}: has no float parent"


def test_a_recording_shorter_than_the_recipe_asks_is_refused(lab: Lab) -> None:
    short = {"windows": [{"candidate": timings.window([2.0] * 10)}] * 29}
    expected = f"{lab.path}: 290 runs in 0.58 s; the recipe asks for at least 300 in 0.6 s"
    assert lab.reason(lab.recording(**short)) == expected


def test_a_recording_on_all_threads_alone_is_refused(lab: Lab) -> None:
    assert (
        lab.reason(lab.of("", "all"))
        == f"{lab.path}: contains no recording of the first run mode on one thread"
    )


def test_a_recording_that_is_not_there_is_told(lab: Lab) -> None:
    reasons = {metric.reason for metric in recorded.measure(lab.job).metrics.values()}
    assert reasons == {f"{lab.path}: no such file"}


def test_a_recipe_without_a_recording_is_told(tmp_path: Path) -> None:
    found = recorded.measure(timings.timing_request(tmp_path, where="recorded")).metrics[
        "latency_p90_ms"
    ]
    assert found.reason == "the recipe names no recording: validate.recorded"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schema": "edgebake.timing/9"}, "schema: 'edgebake.timing/1' was expected"),
        ({"load_ms": -1}, "load_ms: -1 is less than the minimum of 1e-06"),
        ({"windows": []}, "windows: [] is too short"),
        ({"before": {"os": "Linux"}}, "before: 'cpu' is a required property"),
        (
            {"windows": [{"candidate": {"runs": 1, "mean_ms": 1}}] * 2},
            "windows[0].candidate: 'latencies_ms' is a required property",
        ),
        ({"request": {}}, "request: 'baseline' is a required property"),
    ],
)
def test_an_invalid_recording_names_file_and_key(
    lab: Lab, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        lab.measured(lab.recording(**fields))
    assert str(caught.value) == f"{lab.path}: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "{",
            "not valid JSON: "
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (
            "[]",
            "no recordings; expected what pipeline/edgebake/evaluation/latency/stopwatch.py writes",
        ),
        ("[3]", "recording: 3 is not of type 'object'"),
        ("{}", "recording: 'after' is a required property"),
    ],
)
def test_what_is_no_recording_is_a_mistake_of_the_data(
    lab: Lab, content: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        lab.measured(content)
    assert str(caught.value) == f"{lab.path}: {message}"

"""Which measurements are marked, with worked numbers of cores."""

import pytest

from edgebake.evaluation.latency import measurements
from edgebake.evaluation.latency.stopwatch import Recording, Surroundings
from edgebake.measurement import Measurement
from tests import timings

STAGE = "another stage of edgebake was still running after a wait of 300 s"


def _recording(
    other_cores: float, *, cores: int = 2, beside_stage: bool = False, threads: int = 1
) -> Recording:
    surroundings: Surroundings = {
        "beside_stage": beside_stage,
        "other_cores": other_cores,
        "cores": cores,
    }
    recording: Recording = timings.recording([[2.0] * 10] * 30, [[6.0] * 10] * 30, threads=threads)
    return {**recording, "surroundings": surroundings}


def _metrics(*recordings: Recording) -> dict[str, Measurement]:
    return measurements.from_recordings(recordings, "host").metrics


@pytest.mark.parametrize(
    ("other_cores", "cores", "threads", "mark"),
    [
        (0.0, 2, 1, ""),
        (1.0, 2, 1, ""),
        # The clock of the kernel is not exact.
        (1.1, 2, 1, ""),
        (1.44, 2, 1, "other programs kept 1.4 of 2 cores busy"),
        (6.9, 8, 1, ""),
        (7.2, 8, 1, "other programs kept 7.2 of 8 cores busy"),
        # No core is free for a file that runs on all.
        (0.2, 2, 2, "other programs kept 0.2 of 2 cores busy"),
        # An isolated core is one of one.
        (0.1, 1, 1, ""),
        (0.3, 1, 1, "other programs kept 0.3 of 1 cores busy"),
    ],
)
def test_a_time_is_marked_if_no_core_was_free(
    other_cores: float, cores: int, threads: int, mark: str
) -> None:
    metrics = _metrics(_recording(other_cores, cores=cores, threads=threads))
    assert metrics["latency_p90_ms"].disturbed_by == mark
    assert metrics["frames_per_second"].disturbed_by == mark
    assert metrics["baseline_p90_ms"].disturbed_by == mark
    # Both parts are slowed down alike.
    assert metrics["speedup"].disturbed_by == ""
    assert metrics["peak_memory_mb"].disturbed_by == ""
    assert (metrics["other_cores"].value, metrics["other_cores"].unit) == (other_cores, "cores")


def test_a_stage_of_edgebake_marks_the_speedup_as_well() -> None:
    metrics = _metrics(_recording(0.1, beside_stage=True))
    assert {metrics[name].disturbed_by for name in ("latency_p90_ms", "speedup", "load_ms")} == {
        STAGE
    }
    assert metrics["peak_memory_mb"].disturbed_by == ""
    assert metrics["speedup"].to_dict()["disturbed_by"] == STAGE


def test_the_busiest_of_several_processes_counts() -> None:
    metrics = _metrics(_recording(0.1), _recording(1.6), _recording(0.2))
    assert metrics["latency_p90_ms"].disturbed_by == "other programs kept 1.6 of 2 cores busy"
    assert (metrics["other_cores"].value, metrics["other_cores"].n) == (1.6, 3)


def test_without_a_mark_a_report_has_no_new_key() -> None:
    metrics = _metrics(_recording(0.4))
    assert "disturbed_by" not in metrics["latency_p90_ms"].to_dict()


def test_a_device_has_no_surroundings() -> None:
    recording: Recording = timings.recording([[2.0] * 10] * 30, [[6.0] * 10] * 30)
    metrics = _metrics(recording)
    assert "other_cores" not in metrics
    assert metrics["latency_p90_ms"].disturbed_by == ""

"""Worked numbers: percentiles, speedup, drift and intervals of recordings of the stopwatch."""

from collections.abc import Callable

import numpy as np
import pytest

from edgebake.evaluation.latency import measurements
from edgebake.evaluation.latency.bootstrap_windows import (
    Indices,
    LatencyPool,
    Statistics,
    resample_windows,
)
from edgebake.evaluation.latency.request import absent
from tests import timings

HUNDRED = [float(number) for number in range(1, 101)]
# Two halves of 1 to 100 ms: pooled, the p-th percentile lies p % of the way from 1 to 100.
HALVES = [HUNDRED[::2], HUNDRED[1::2]]


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("latency_p50_ms", 50.5, "ms"),
        ("latency_p90_ms", 90.1, "ms"),
        ("latency_p95_ms", 95.05, "ms"),
        ("latency_p99_ms", 99.01, "ms"),
        ("latency_mean_ms", 50.5, "ms"),
        ("frames_per_second", 1000 / 50.5, "1/s"),
        ("load_ms", 12.5, "ms"),
        ("first_inference_ms", 9.0, "ms"),
        ("peak_memory_mb", 3.0, "MB"),
    ],
)
def test_numbers_are_those_of_all_windows_together(name: str, value: float, unit: str) -> None:
    found = measurements.from_recordings([timings.recording(HALVES)], "host").metrics[name]
    assert found.value == pytest.approx(value)
    assert found.unit == unit


def test_speedup_is_the_middle_of_the_ratios_of_neighbouring_windows() -> None:
    # Medians 10, 20, 40 beside 20, 30, 200: twice, one and a half times, five times as fast.
    candidates = [[9, 10, 11], [20, 20, 20], [40, 40, 999]]
    baselines = [[20, 20, 21], [30, 30, 30], [200, 1, 300]]
    found = measurements.from_recordings([timings.recording(candidates, baselines)], "host").metrics
    assert found["speedup"].value == 2
    assert (found["speedup"].unit, found["speedup"].n, found["speedup"].sha256) == (
        "times",
        3,
        "abc",
    )
    # Of 1, 20, 20, 21, 30, 30, 30, 200, 300 ms the 90th lies a fifth of the way from 200 to 300.
    assert found["baseline_p90_ms"].value == pytest.approx(220)
    assert (found["baseline_p90_ms"].n, found["baseline_p90_ms"].sha256) == (9, "def")


def test_without_a_baseline_nothing_is_said_of_one() -> None:
    found = measurements.from_recordings([timings.recording(HALVES)], "host")
    assert {"speedup", "baseline_p90_ms"} & {*found.metrics, *found.resamples} == set()


def test_a_mean_counts_the_runs_whose_latencies_were_not_kept() -> None:
    long = timings.window(HUNDRED) | {"runs": 300, "mean_ms": 10.0}
    found = measurements.from_recordings(
        [timings.recording([[30.0] * 100]) | {"windows": [{"candidate": long}]}], "host"
    ).metrics
    assert (found["latency_mean_ms"].value, found["latency_mean_ms"].n) == (10.0, 300)


def test_an_interval_is_that_of_windows_drawn_again() -> None:
    """A resample of two windows has the first twice, each once, or the second twice."""
    found = measurements.from_recordings([timings.recording([[10.0] * 5, [20.0] * 5])], "host")
    assert found.metrics["latency_mean_ms"].interval == [10.0, 20.0]
    assert set(found.resamples["frames_per_second"]) == {50.0, 1000 / 15, 100.0}
    assert found.resamples["frames_per_second"].count(1000 / 15) == pytest.approx(999 / 2, abs=60)


def test_single_runs_that_differ_make_no_interval_where_windows_are_alike() -> None:
    found = measurements.from_recordings([timings.recording([HUNDRED] * 30)], "host").metrics[
        "latency_p90_ms"
    ]
    assert found.interval == pytest.approx([90.1, 90.1], abs=0.5)


def test_gates_are_given_999_resamples_in_order_and_the_same_ones_each_time() -> None:
    recordings = [timings.recording(HALVES * 5, HALVES[::-1] * 5)]
    found, again = (measurements.from_recordings(recordings, "host").resamples for _ in range(2))
    assert sorted(found) == ["frames_per_second", "latency_p90_ms", "latency_p95_ms", "speedup"]
    assert all(len(values) == 999 and values == sorted(values) for values in found.values())
    assert found == again


def test_one_window_has_no_interval() -> None:
    found = measurements.from_recordings([timings.recording([HUNDRED])], "host")
    assert found.metrics["latency_p90_ms"].interval is None
    assert found.resamples == {}


def test_windows_of_repeated_timings_count_together_and_costs_take_the_middle() -> None:
    recordings = [
        timings.recording(
            [[number] * 5], load_ms=number, peak_memory_mb=number, first_inference_ms=number
        )
        for number in (1.0, 2.0, 9.0)
    ]
    found = measurements.from_recordings(recordings, "host").metrics
    assert (found["latency_mean_ms"].value, found["latency_mean_ms"].n) == (4.0, 15)
    assert [found[name].value for name in ("load_ms", "first_inference_ms", "peak_memory_mb")] == [
        2.0,
        2.0,
        9.0,
    ]
    assert found["load_ms"].n == 3
    assert found["load_ms"].interval is None


def test_a_measurement_says_where_and_how_it_was_made() -> None:
    slower = {**timings.STATE, "governor": "powersave", "temperature_c": 71.5}
    found = measurements.from_recordings([timings.recording(HALVES, after=slower)], "ssh").metrics
    assert found["latency_p90_ms"].to_dict() == {
        "value": pytest.approx(90.1),
        "unit": "ms",
        "where": "ssh",
        "interval": found["latency_p90_ms"].interval,
        "n": 100,
        "device": "some CPU",
        "os": "some OS",
        "runtime": "ai-edge-litert 1.0",
        "threads": 1,
        "governor": "performance, then powersave",
        "sha256": "abc",
    }
    assert found["temperature_after_c"].value == 71.5
    assert "temperature_before_c" not in found


def test_throughput_counts_images() -> None:
    batched = {"batch": 8, "windows": [timings.window([4.0] * 10), timings.window([4.0] * 10)]}
    found = measurements.from_recordings(
        [timings.recording(HALVES, throughput=batched)], "host"
    ).metrics["throughput_batch_8"]
    assert (found.value, found.unit, found.n, found.interval) == (
        2000.0,
        "1/s",
        160,
        [2000.0, 2000.0],
    )


def test_a_fixed_batch_is_a_reason() -> None:
    fixed = {"batch": 8, "reason": "its batch is fixed"}
    found = measurements.from_recordings(
        [timings.recording(HALVES, throughput=fixed)], "host"
    ).metrics["throughput_batch_8"]
    assert (found.value, found.reason) == (None, "its batch is fixed")


def test_drift_is_the_last_window_over_the_first() -> None:
    lasting = {
        "window_seconds": 10,
        "windows": [timings.window([ms] * 5) for ms in (10.0, 99.0, 12.5)],
    }
    found = measurements.from_recordings(
        [timings.recording(HALVES, sustained=lasting)], "host"
    ).metrics
    assert [found[f"sustained_{end}_ms"].value for end in ("first", "last")] == [10.0, 12.5]
    assert (found["sustained_drift"].value, found["sustained_drift"].unit) == (1.25, "times")


def test_memory_that_is_not_told_is_not_measured() -> None:
    found = measurements.from_recordings(
        [timings.recording(HALVES, peak_memory_mb=None)], "mac"
    ).metrics["peak_memory_mb"]
    assert (found.value, found.reason) == (
        None,
        "the program that ran the file there does not report memory",
    )


@pytest.mark.parametrize("sizes", [(5, 5, 5), (3, 7, 1)])
def test_percentiles_of_drawn_windows_are_numpys(sizes: tuple[int, ...]) -> None:
    random = np.random.default_rng(1)
    windows = [random.uniform(1, 9, size).round(6) for size in sizes]
    pool = LatencyPool([timings.window(one.tolist()) for one in windows])
    for drawn in ([0, 1, 2], [2, 2, 0], [1, 1, 1]):
        expected = np.percentile(
            np.concatenate([windows[number] for number in drawn]), [1, 50, 90, 99]
        )
        assert pool.percentiles(np.array(drawn), [1, 50, 90, 99]) == pytest.approx(expected)


def _mean_of(pool: LatencyPool) -> Callable[[Indices], Statistics]:
    def statistic(indices: Indices) -> Statistics:
        return {"mean": pool.mean(indices)}

    return statistic


def test_an_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    """100 samples of 30 windows with dependent runs; 95 are expected, 9 is four deviations."""
    random = np.random.default_rng(3)
    held = 0
    for _ in range(100):
        means = random.normal(10, 1, 30)
        pool = LatencyPool([timings.window([float(mean)] * 3) for mean in means])
        found = resample_windows(30, _mean_of(pool))
        low, high = found.interval("mean") or (0, 0)
        held += low <= 10 <= high
    assert 86 <= held <= 100


def test_what_could_not_be_measured_is_told_for_each_gate() -> None:
    found = absent("no board").metrics
    assert sorted(found) == ["frames_per_second", "latency_p90_ms", "peak_memory_mb", "speedup"]
    assert {(one.value, one.where, one.reason) for one in found.values()} == {
        (None, "not measured", "no board")
    }

"""Turn recordings of the stopwatch into measurements with confidence intervals."""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from edgebake.evaluation.latency.bootstrap_windows import (
    Indices,
    LatencyPool,
    ResampledStatistics,
    Statistics,
    resample_windows,
)
from edgebake.evaluation.latency.request import TimingResult
from edgebake.evaluation.latency.stopwatch import Recording, Window, WindowPair
from edgebake.measurement import Measurement, not_measured

PERCENTILES = (50, 90, 95, 99)
# Metrics whose resamples are kept for the gates.
RESAMPLED = ("latency_p90_ms", "latency_p95_ms", "frames_per_second", "speedup")
UNITS = {"frames_per_second": "1/s", "speedup": "times"}  # all others are milliseconds
NO_MEMORY = "what ran the file there does not tell its memory"

Metrics = dict[str, Measurement]


def from_recordings(recordings: Sequence[Recording], where: str) -> TimingResult:
    """Pool the windows of recordings of one file in one run mode.

    Args:
        recordings: of one or more processes, at least one.
        where: label of the measurements, for example "host".
    """
    base = _base_measurement(recordings, where)
    pairs: list[WindowPair] = []
    for recording in recordings:
        pairs += recording["windows"]
    candidates = [pair["candidate"] for pair in pairs]
    baselines = [pair["baseline"] for pair in pairs if "baseline" in pair]
    metrics = {
        **_costs(recordings, base),
        **_temperatures(recordings, base),
        **_throughput(recordings, base),
        **_sustained(recordings, base),
    }
    latency = _latency(candidates)
    metrics |= to_measurements(latency, replace(base, n=_count_runs(candidates)))
    resamples = latency.resamples
    if len(baselines) == len(pairs):
        speedup = _speedup(candidates, baselines)
        metrics |= to_measurements(speedup, replace(base, n=len(pairs)))
        metrics["baseline_p90_ms"] = replace(
            metrics["baseline_p90_ms"],
            n=_count_runs(baselines),
            sha256=recordings[0]["baseline_sha256"] or "",
        )
        resamples = resamples | speedup.resamples
    latencies: list[float] = []
    for window in candidates:
        latencies += window["latencies_ms"]
    return TimingResult(
        metrics,
        resamples={name: resamples[name] for name in RESAMPLED if name in resamples},
        latencies_ms=latencies,
    )


def to_measurements(resampled: ResampledStatistics, base: Measurement) -> Metrics:
    """Return each statistic as a measurement, with the context of `base`."""
    metrics = {}
    for name, value in resampled.values.items():
        unit = UNITS.get(name, "ms")
        metrics[name] = replace(base, value=value, unit=unit, interval=resampled.interval(name))
    return metrics


def _base_measurement(recordings: Sequence[Recording], where: str) -> Measurement:
    """Return a measurement without a value, with the machine and the file of recordings."""
    governors: list[str] = []
    for recording in recordings:
        governors += [recording["before"]["governor"], recording["after"]["governor"]]
    first = recordings[0]
    return Measurement(
        None,
        "",
        where,
        device=first["before"]["cpu"],
        os=first["before"]["os"],
        runtime=first["runtime"],
        threads=first["threads"],
        governor=", then ".join(dict.fromkeys(governors)),
        sha256=first["sha256"],
    )


def _latency(windows: Sequence[Window]) -> ResampledStatistics:
    pool = LatencyPool(windows)

    def statistic(indices: Indices) -> Statistics:
        percentiles = pool.percentiles(indices, PERCENTILES)
        names = [f"latency_p{percent}_ms" for percent in PERCENTILES]
        mean = pool.mean(indices)
        return {
            **dict(zip(names, percentiles, strict=True)),
            "latency_mean_ms": mean,
            "frames_per_second": 1000 / mean,
        }

    return resample_windows(len(windows), statistic)


def _speedup(candidates: Sequence[Window], baselines: Sequence[Window]) -> ResampledStatistics:
    """Return the median, over all pairs of neighboring windows, of the ratio of their medians.

    Neighbors share the machine's state, so a slow minute does not change their ratio.
    """
    baseline_pool = LatencyPool(baselines)
    ratios = (baseline_pool.medians / LatencyPool(candidates).medians).tolist()

    def statistic(indices: Indices) -> Statistics:
        return {
            "speedup": statistics.median(ratios[index] for index in indices),
            "baseline_p90_ms": baseline_pool.percentiles(indices, (90,))[0],
        }

    return resample_windows(len(ratios), statistic)


def _costs(recordings: Sequence[Recording], base: Measurement) -> Metrics:
    """Return the costs of loading and of the first run, over all processes.

    Times are the median, memory is the maximum.
    """
    once = replace(base, unit="ms", n=len(recordings))
    metrics = {
        "first_inference_ms": replace(once, value=_median(recordings, "first_inference_ms")),
        "load_ms": replace(once, value=_median(recordings, "load_ms")),
    }
    peaks = [recording["peak_memory_mb"] for recording in recordings]
    known_peaks = [peak for peak in peaks if peak is not None]
    if len(known_peaks) < len(peaks):
        metrics["peak_memory_mb"] = not_measured("MB", NO_MEMORY)
    else:
        metrics["peak_memory_mb"] = replace(once, value=max(known_peaks), unit="MB")
    return metrics


def _median(
    recordings: Sequence[Recording], name: Literal["first_inference_ms", "load_ms"]
) -> float:
    return statistics.median(float(recording[name]) for recording in recordings)


def _temperatures(recordings: Sequence[Recording], base: Measurement) -> Metrics:
    states = {"before": recordings[0]["before"], "after": recordings[-1]["after"]}
    metrics = {}
    for moment, state in states.items():
        temperature = state["temperature_c"]
        if temperature is not None:
            metrics[f"temperature_{moment}_c"] = replace(base, value=temperature, unit="°C")
    return metrics


def _throughput(recordings: Sequence[Recording], base: Measurement) -> Metrics:
    """Return the throughput of the first recording that has one, in images per second."""
    candidates = (recording["throughput"] for recording in recordings)
    throughput = next((candidate for candidate in candidates if candidate), None)
    if throughput is None:
        return {}
    batch = throughput["batch"]
    name = f"throughput_batch_{batch}"
    if "reason" in throughput:
        return {name: not_measured("1/s", throughput["reason"])}
    windows = throughput["windows"]
    pool = LatencyPool(windows)

    def statistic(indices: Indices) -> Statistics:
        return {name: batch * 1000 / pool.mean(indices)}

    rates = resample_windows(len(windows), statistic)
    measurement = replace(
        base,
        value=rates.values[name],
        unit="1/s",
        interval=rates.interval(name),
        n=batch * _count_runs(windows),
    )
    return {name: measurement}


def _sustained(recordings: Sequence[Recording], base: Measurement) -> Metrics:
    """Return the medians of the first and the last window without a pause, and their ratio."""
    candidates = (recording["sustained"] for recording in recordings)
    sustained = next((candidate for candidate in candidates if candidate), None)
    if sustained is None:
        return {}
    windows = sustained["windows"]
    medians = [statistics.median(window["latencies_ms"]) for window in windows]
    first = replace(base, value=medians[0], unit="ms", n=windows[0]["runs"])
    last = replace(base, value=medians[-1], unit="ms", n=windows[-1]["runs"])
    ratio = medians[-1] / medians[0]
    return {
        "sustained_first_ms": first,
        "sustained_last_ms": last,
        "sustained_drift": replace(base, value=ratio, unit="times", n=_count_runs(windows)),
    }


def _count_runs(windows: Sequence[Window]) -> int:
    return sum(window["runs"] for window in windows)

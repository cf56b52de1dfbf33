"""Turn recordings of the stopwatch into measurements with confidence intervals."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from edgebake.evaluation.latency import disturbance
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
NO_MEMORY = "the program that ran the file there does not report memory"

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
    latency_base = replace(base, n=_count_runs(candidates))
    metrics |= to_measurements(latency, latency_base)
    resamples = latency.resamples
    if len(baselines) == len(pairs):
        speedup = _speedup(candidates, baselines)
        metrics |= _speedup_metrics(speedup, baselines, base)
        metrics["baseline_p90_ms"] = replace(
            metrics["baseline_p90_ms"], sha256=recordings[0]["baseline_sha256"] or ""
        )
        resamples = resamples | speedup.resamples
    latencies: list[float] = []
    for window in candidates:
        latencies += window["latencies_ms"]
    metrics = disturbance.marked(metrics, recordings, base)
    return TimingResult(metrics, resamples=select_resamples(resamples), latencies_ms=latencies)


def _speedup_metrics(
    speedup: ResampledStatistics, baselines: Sequence[Window], base: Measurement
) -> Metrics:
    """Return the speedup over all pairs, and the latency over all runs of the baseline."""
    metrics = to_measurements(speedup, replace(base, n=len(baselines)))
    baseline_p90 = metrics["baseline_p90_ms"]
    metrics["baseline_p90_ms"] = replace(baseline_p90, n=_count_runs(baselines))
    return metrics


def select_resamples(resamples: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the resamples of the metrics that gates test."""
    return {name: resamples[name] for name in RESAMPLED if name in resamples}


def to_measurements(resampled: ResampledStatistics, base: Measurement) -> Metrics:
    """Return each statistic as a measurement, with the context of `base`."""
    metrics = {}
    for name, value in resampled.values.items():
        metrics[name] = replace(
            base, value=value, unit=UNITS.get(name, "ms"), interval=resampled.interval(name)
        )
    return metrics


def _base_measurement(recordings: Sequence[Recording], where: str) -> Measurement:
    """Return a measurement without a value, with the machine and the file of recordings."""
    governors: list[str] = []
    for recording in recordings:
        for state in (recording["before"], recording["after"]):
            governors.append(state["governor"])
    distinct_governors = dict.fromkeys(governors)
    first = recordings[0]
    machine = first["before"]
    return Measurement(
        value=None,
        unit="",
        where=where,
        device=machine["cpu"],
        os=machine["os"],
        runtime=first["runtime"],
        threads=first["threads"],
        governor=", then ".join(distinct_governors),
        sha256=first["sha256"],
    )


def _latency(windows: Sequence[Window]) -> ResampledStatistics:
    pool = LatencyPool(windows)

    def statistic(indices: Indices) -> Statistics:
        percentiles = pool.percentiles(indices, PERCENTILES)
        values = {}
        for percent, percentile in zip(PERCENTILES, percentiles, strict=True):
            values[f"latency_p{percent}_ms"] = percentile
        mean = pool.mean(indices)
        values["latency_mean_ms"] = mean
        values["frames_per_second"] = 1000 / mean
        return values

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
    first_runs = [float(recording["first_inference_ms"]) for recording in recordings]
    loads = [float(recording["load_ms"]) for recording in recordings]
    peaks = [recording["peak_memory_mb"] for recording in recordings]
    known_peaks = [peak for peak in peaks if peak is not None]
    memory = not_measured("MB", NO_MEMORY)
    if len(known_peaks) == len(peaks):
        highest = max(known_peaks)
        memory = replace(once, value=highest, unit="MB")
    return {
        "first_inference_ms": replace(once, value=statistics.median(first_runs)),
        "load_ms": replace(once, value=statistics.median(loads)),
        "peak_memory_mb": memory,
    }


def _temperatures(recordings: Sequence[Recording], base: Measurement) -> Metrics:
    states = {"before": recordings[0]["before"], "after": recordings[-1]["after"]}
    metrics = {}
    for moment, state in states.items():
        temperature = state["temperature_c"]
        if temperature is not None:
            metric = replace(base, value=temperature, unit="°C")
            metrics[f"temperature_{moment}_c"] = metric
    return metrics


def _throughput(recordings: Sequence[Recording], base: Measurement) -> Metrics:
    """Return the throughput of the first recording that has one, in images per second."""
    throughput = None
    for recording in recordings:
        throughput = throughput or recording["throughput"]
    if not throughput:
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
    images = batch * _count_runs(windows)
    measurement = replace(
        base, value=rates.values[name], unit="1/s", interval=rates.interval(name), n=images
    )
    return {name: measurement}


def _sustained(recordings: Sequence[Recording], base: Measurement) -> Metrics:
    """Return the medians of the first and the last window without a pause, and their ratio."""
    sustained = None
    for recording in recordings:
        sustained = sustained or recording["sustained"]
    if not sustained:
        return {}
    windows = sustained["windows"]
    first = windows[0]
    last = windows[-1]
    first_median = statistics.median(first["latencies_ms"])
    last_median = statistics.median(last["latencies_ms"])
    drift = replace(base, value=last_median / first_median, unit="times", n=_count_runs(windows))
    milliseconds = replace(base, unit="ms")
    return {
        "sustained_first_ms": replace(milliseconds, value=first_median, n=first["runs"]),
        "sustained_last_ms": replace(milliseconds, value=last_median, n=last["runs"]),
        "sustained_drift": drift,
    }


def _count_runs(windows: Sequence[Window]) -> int:
    return sum(window["runs"] for window in windows)

"""What stopwatches answered in, measurements out, each with its interval."""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from edgebake.evaluation.latency.bootstrap_windows import Drawn, Pool, Sampled, Values, sampled
from edgebake.evaluation.latency.request import TimingResult
from edgebake.measurement import Measurement, not_measured

PERCENTILES = (50, 90, 95, 99)
RESAMPLED = (
    "latency_p90_ms",
    "latency_p95_ms",
    "frames_per_second",
    "speedup",
)  # what gates ask of runs
UNITS = {"frames_per_second": "1/s", "speedup": "times"}  # the others are milliseconds
Answer = dict[str, Any]
Metrics = dict[str, Measurement]


def timing(answers: Sequence[Answer], where: str) -> TimingResult:
    """Return what processes found that timed the same file in the same way; their windows count together."""
    base = _base(answers, where)
    pairs = [pair for answer in answers for pair in answer["windows"]]
    candidates = [pair["candidate"] for pair in pairs]
    baselines = [pair["baseline"] for pair in pairs if "baseline" in pair]
    metrics = {**_costs(answers, base), **_temperatures(answers, base)}
    metrics |= {**_throughput(answers, base), **_sustained(answers, base)}
    found = _latency(candidates)
    metrics |= measured(found, replace(base, n=_runs(candidates)))
    resamples = found.resamples
    if len(baselines) == len(pairs):
        compared = _compared(candidates, baselines)
        metrics |= measured(compared, replace(base, n=len(pairs)))
        parent = {"n": _runs(baselines), "sha256": answers[0]["baseline_sha256"]}
        metrics["baseline_p90_ms"] = replace(metrics["baseline_p90_ms"], **parent)
        resamples = resamples | compared.resamples
    latencies = [one for window in candidates for one in window["latencies_ms"]]
    return TimingResult(
        metrics, {name: resamples[name] for name in RESAMPLED if name in resamples}, latencies
    )


def measured(found: Sampled, base: Measurement) -> Metrics:
    """Return each statistic of windows as a measurement that was made where and how `base` says."""
    return {
        name: replace(base, value=value, unit=UNITS.get(name, "ms"), interval=found.interval(name))
        for name, value in found.values.items()
    }


def _base(answers: Sequence[Answer], where: str) -> Measurement:
    first = answers[0]
    states = [answer[when] for answer in answers for when in ("before", "after")]
    return Measurement(
        None,
        "",
        where,
        device=first["before"]["cpu"],
        os=first["before"]["os"],
        runtime=first["runtime"],
        threads=first["threads"],
        governor=", then ".join(dict.fromkeys(state["governor"] for state in states)),
        sha256=first["sha256"],
    )


def _latency(windows: Sequence[Answer]) -> Sampled:
    pool = Pool(windows)

    def statistic(drawn: Drawn) -> Values:
        ranks, mean = pool.percentiles(drawn, PERCENTILES), pool.mean(drawn)
        found = {
            f"latency_p{percent}_ms": rank for percent, rank in zip(PERCENTILES, ranks, strict=True)
        }
        return found | {"latency_mean_ms": mean, "frames_per_second": 1000 / mean}

    return sampled(len(windows), statistic)


def _compared(candidates: Sequence[Answer], baselines: Sequence[Answer]) -> Sampled:
    """Return the speedup: of each pair of neighbouring windows the ratio of their medians, of all pairs the median.

    Neighbours share the machine's state, so that a slow minute leaves their ratio as it is.
    """
    parent = Pool(baselines)
    ratios = [float(one) for one in parent.medians / Pool(candidates).medians]

    def statistic(drawn: Drawn) -> Values:
        speedup = statistics.median(ratios[number] for number in drawn)
        return {"speedup": speedup, "baseline_p90_ms": parent.percentiles(drawn, (90,))[0]}

    return sampled(len(ratios), statistic)


def _costs(answers: Sequence[Answer], base: Measurement) -> Metrics:
    """Return what each process cost before it ran at speed: times in the middle, memory at the highest."""
    once = replace(base, unit="ms", n=len(answers))
    found = {
        name: replace(once, value=_middle(answers, name))
        for name in ("first_inference_ms", "load_ms")
    }
    peaks = [answer["peak_memory_mb"] for answer in answers]
    if None in peaks:
        return found | {
            "peak_memory_mb": not_measured("MB", "what ran the file there does not tell its memory")
        }
    return found | {"peak_memory_mb": replace(once, value=max(peaks), unit="MB")}


def _middle(answers: Sequence[Answer], name: str) -> float:
    return statistics.median(float(answer[name]) for answer in answers)


def _temperatures(answers: Sequence[Answer], base: Measurement) -> Metrics:
    states = {"before": answers[0]["before"], "after": answers[-1]["after"]}
    return {
        f"temperature_{when}_c": replace(base, value=state["temperature_c"], unit="°C")
        for when, state in states.items()
        if state["temperature_c"] is not None
    }


def _throughput(answers: Sequence[Answer], base: Measurement) -> Metrics:
    found = next((answer["throughput"] for answer in answers if answer["throughput"]), None)
    if found is None:
        return {}
    batch, name = found["batch"], f"throughput_batch_{found['batch']}"
    if "reason" in found:
        return {name: not_measured("1/s", found["reason"])}
    pool = Pool(found["windows"])
    rates = sampled(len(found["windows"]), lambda drawn: {name: batch * 1000 / pool.mean(drawn)})
    images = batch * _runs(found["windows"])
    return {
        name: replace(
            base, value=rates.values[name], unit="1/s", interval=rates.interval(name), n=images
        )
    }


def _sustained(answers: Sequence[Answer], base: Measurement) -> Metrics:
    """Return the median of the first and the last window without a pause, and how many times the first the last is."""
    found = next((answer["sustained"] for answer in answers if answer["sustained"]), None)
    if found is None:
        return {}
    ends = {"first": found["windows"][0], "last": found["windows"][-1]}
    medians = {end: statistics.median(window["latencies_ms"]) for end, window in ends.items()}
    metrics = {
        f"sustained_{end}_ms": replace(base, value=median, unit="ms", n=ends[end]["runs"])
        for end, median in medians.items()
    }
    drift = replace(
        base, value=medians["last"] / medians["first"], unit="times", n=_runs(found["windows"])
    )
    return metrics | {"sustained_drift": drift}


def _runs(windows: Sequence[Answer]) -> int:
    return sum(window["runs"] for window in windows)

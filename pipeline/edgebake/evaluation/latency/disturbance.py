"""Mark the measurements that other work on the same machine has changed.

Measured on 2 cores (benchmarks/busy_machine.py) with a file of 14 ms: with other programs on one
core, the 90th percentile grew by 3 %, on both cores by 87 %. The speedup, of which both parts are
slowed down alike, stayed within 1.5 %, also with ten programs.
"""

from collections.abc import Sequence
from dataclasses import replace

from edgebake.evaluation.latency.stopwatch import Recording
from edgebake.machine.turns import BESIDE_STAGE
from edgebake.measurement import Measurement

TIMED_UNITS = ("ms", "1/s", "times")
# Compared in turns, so that other programs slow down both parts.
IN_TURNS = ("speedup",)
# Cores by which the clock of the kernel, which ticks 100 to 1,000 times a second, may be wrong.
TOLERANCE = 0.1
OTHER_CORES = "other_cores"

Metrics = dict[str, Measurement]


def marked(metrics: Metrics, recordings: Sequence[Recording], base: Measurement) -> Metrics:
    """Return the metrics of recordings, with the load of other programs, and marks.

    Args:
        metrics: of one file in one run mode.
        recordings: of one or more processes.
        base: a measurement with the machine, without a value.
    """
    surroundings = []
    for recording in recordings:
        if "surroundings" in recording:
            surroundings.append(recording["surroundings"])
    if not surroundings:
        return metrics
    busiest = max(surroundings, key=lambda each: each["other_cores"])
    other_cores = busiest["other_cores"]
    stage = ""
    if any(each["beside_stage"] for each in surroundings):
        stage = BESIDE_STAGE
    programs = ""
    free_cores = max(0, busiest["cores"] - (base.threads or 1))
    if other_cores > free_cores + TOLERANCE:
        programs = f"other programs kept {other_cores:.1f} of {busiest['cores']} cores busy"
    result = {}
    for name, metric in metrics.items():
        result[name] = _marked(name, metric, stage, programs)
    result[OTHER_CORES] = replace(base, value=other_cores, unit="cores", n=len(surroundings))
    return result


def _marked(name: str, metric: Measurement, stage: str, programs: str) -> Measurement:
    if metric.value is None or metric.unit not in TIMED_UNITS:
        return metric
    if name in IN_TURNS:
        return replace(metric, disturbed_by=stage)
    return replace(metric, disturbed_by=stage or programs)

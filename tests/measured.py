"""Write the artifacts of validate and parity by hand, from counts of correct predictions."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edgebake import artifacts
from edgebake.data.dataset import Examples
from edgebake.evaluation import golden
from edgebake.evaluation.float_reference import FloatReference
from edgebake.evaluation.gates.judge import PARITY
from edgebake.evaluation.parity import MARGINS, Comparison, DifferingExample, Excess
from edgebake.evaluation.statistics import proportion
from edgebake.measurement import Measurement, not_measured
from edgebake.recipe.stage_params import read_plan
from edgebake.runtimes.placement import Placement
from edgebake.runtimes.run_modes import HOST
from edgebake.runtimes.session import Inspection, Operator, Tensor
from edgebake.runtimes.workload import OperatorWorkload, Workload, to_json
from tests.stages import alone

REASON = "no such device here"
SHA256 = "ab" * 32
PLACE: dict[str, Any] = {
    "device": "some CPU",
    "os": "Linux 6.1",
    "runtime": "some runtime 1.0",
    "threads": 1,
    "governor": "performance",
    "sha256": SHA256,
}
INSPECTION = Inspection(
    [Tensor("image", [1, 32, 32, 1], "float32", "NHWC")],
    [Tensor("probabilities", [1, 10], "float32", "NC")],
    [Operator("Conv", ("int8",))],
    {"int8": 3},
)
CPU = Placement("cpu", "", 1.0, 1.0, "", "", "the runtime's own kernels")
WORKLOAD = Workload(
    [
        OperatorWorkload(
            "Conv",
            "conv",
            "int8",
            76_800_000,
            {"weights": 1000},
            ("image", "weights"),
            ("probabilities",),
        )
    ],
    sizes={"image": 1024, "weights": 1000, "probabilities": 10},
    constants=frozenset({"weights"}),
    inputs=("image",),
    outputs=("probabilities",),
)
# Metrics that do not count examples. Those of TIMED name the host; those of RESAMPLED have a
# bootstrap distribution.
UNITS = {
    "size_mb": "MB",
    "expected_calibration_error": "share",
    "macs": "1",
    "parameters": "1",
    "activation_peak_mb": "MB",
    "latency_p90_ms": "ms",
    "frames_per_second": "1/s",
    "peak_memory_mb": "MB",
    "speedup": "times",
}
SOUND = {
    "size_mb": 0.04,
    "expected_calibration_error": 0.02,
    "macs": WORKLOAD.macs,
    "parameters": WORKLOAD.parameters,
    "activation_peak_mb": WORKLOAD.activation_peak_bytes / 1e6,
    "latency_p90_ms": 0.2,
    "frames_per_second": 6000.0,
    "peak_memory_mb": 3.5,
    "speedup": 2.0,
}
IN_FILE = ("size_mb", "macs", "parameters", "activation_peak_mb")
TIMED = ("latency_p90_ms", "frames_per_second", "peak_memory_mb", "speedup")
FLOAT_REFERENCE = FloatReference(
    source="Keras",
    runtime="litert",
    file="model.tflite",
    tools={"ai-edge-litert": "2.1.0"},
    examples=180,
    same_answers=180,
    largest_difference=1.2e-6,
)
RESAMPLED = ("expected_calibration_error", "latency_p90_ms", "frames_per_second", "speedup")


def lay(
    variant: str,
    platform: str,
    *,
    right: int = 970,
    lost: int = 10,
    n: int = 1000,
    files: Mapping[str, bytes] | None = None,
    timed_on: str = HOST,
    placements: Sequence[Placement] = (CPU,),
    **replaced: float | Measurement | None,
) -> Path:
    """Write the output of validate for a variant, and return the folder.

    Args:
        variant: of validate, in an existing plan.
        platform: of the variant.
        right: number of correct predictions; the wrong ones are spread over the classes.
        lost: number of predictions that only the float model has correct.
        n: number of examples.
        files: of its folder, in addition to the others or instead of them.
        timed_on: where speed and memory were measured.
        placements: on the accelerators of the platform.
        replaced: values of metrics: a number, a measurement, or None for not measured.
    """
    measurements = metrics(right, lost, n, timed_on)
    for name, value in replaced.items():
        measurements[name] = _measurement(name, value, timed_on)
    report = {
        "variant": variant,
        "convert": read_plan()["validate"][variant]["convert"],
        "task": "classification",
        "float_reference": asdict(FLOAT_REFERENCE),
        "metrics": {name: measured.to_dict() for name, measured in measurements.items()},
    }
    resamples = {}
    for name in RESAMPLED:
        value = measurements[name].value
        if value is not None:
            resamples[name] = spread(value)
    written = {
        "files/model.tflite": b"TFL3 model",
        "inspection.json": _json(INSPECTION.to_dict()),
        "report.json": _json(report),
        "examples.csv": _examples(right, lost, n),
        "golden.json": _json(vectors(platform)),
        "resamples.json": _json(resamples),
        "placement.json": _json([asdict(placement) for placement in placements]),
        "workload.json": to_json(WORKLOAD).encode(),
    }
    if files and any(name.startswith("files/") for name in files):
        del written["files/model.tflite"]
    folder = artifacts.folder("validate", variant, platform)
    alone.lay(folder, {**written, **(files or {})})
    return folder


def vectors(platform: str) -> dict[str, Any]:
    """Return golden.json of a file with confident predictions of two gray images."""
    images = [np.full((8, 8), 40 * digit, np.uint8) for digit in range(2)]
    examples = Examples(
        images,
        np.arange(2),
        alone.CONTRACT.labels,
        names=["row 0", "row 1"],
        sizes=[image.size for image in images],
    )
    file = golden.ConvertedFile(SHA256, platform, INSPECTION.to_dict(), alone.CONTRACT)
    return golden.build_vectors(
        file,
        examples,
        {"image": examples.inputs},
        {"probabilities": np.eye(10, dtype=np.float32)[:2]},
    )


def lay_parity(platform: str, report: Mapping[str, Sequence[Comparison]]) -> None:
    """Write the parity report of a platform: the comparisons of each variant."""
    records = {name: [asdict(one) for one in comparisons] for name, comparisons in report.items()}
    artifacts.write(PARITY / f"{platform}.json", _json(records))


def comparison(
    differing: int, n: int, off_float: int = 0, largest_difference: float = 0.1
) -> Comparison:
    """Return a comparison of files that differ on some examples, one answer of each being right.

    Args:
        differing: number of examples on which the files differ.
        n: number of examples.
        off_float: on how many of the others both files differ from their float parent.
        largest_difference: of one probability.
    """
    excesses = []
    for file in ("this", "other"):
        excesses += [Excess(file, counted, differing, off_float) for counted in MARGINS]
    first = [
        DifferingExample(number, f"example {number}", "3", "3", 0.9, "8", 0.8)
        for number in range(min(differing, 10))
    ]
    return Comparison(
        other="digits-other",
        runtime="onnxruntime",
        same=n - differing,
        n=n,
        off_float=off_float,
        other_off_float=off_float,
        largest_difference=largest_difference,
        mean_difference=0.01,
        excesses=excesses,
        first_differing=first,
    )


def metrics(
    right: int = 970, lost: int = 10, n: int = 1000, timed_on: str = HOST
) -> dict[str, Measurement]:
    """Return the measurements in report.json of a file with that many correct predictions."""
    return {
        "size_mb": _measured("size_mb", SOUND["size_mb"]),
        "float_accuracy": share(right + lost, n),
        "accuracy": share(right, n),
        "agreement_with_float": share(n - lost, n),
        "accuracy_drop": share(lost, n),
        **{name: _measured(name, SOUND[name], timed_on) for name in SOUND if name != "size_mb"},
    }


def share(count: int, n: int, where: str = HOST) -> Measurement:
    """Return a share of the examples."""
    return Measurement(
        count / n, "share", where, interval=proportion.interval(count, n), n=n, **PLACE
    )


def spread(value: float) -> list[float]:
    """Return 101 resamples, from 2 % below a value to 2 % above it."""
    return [value * (0.98 + step / 2500) for step in range(101)]


def _measured(name: str, value: float, timed_on: str = HOST) -> Measurement:
    unit = UNITS[name]
    if name in IN_FILE:
        return Measurement(value, unit, "file", sha256=SHA256)
    interval = None
    if name in RESAMPLED:
        interval = [value * 0.98, value * 1.02]
    where = HOST
    if name in TIMED:
        where = timed_on
    return Measurement(value, unit, where, interval=interval, n=1024, **PLACE)


def _measurement(name: str, value: float | Measurement | None, timed_on: str) -> Measurement:
    if isinstance(value, Measurement):
        return value
    if value is None:
        return not_measured(UNITS[name], REASON)
    return _measured(name, value, timed_on)


def _examples(right: int, lost: int, n: int) -> bytes:
    """Return examples.csv. The wrong predictions come first, so all have the slice `light`."""
    digits, ink = alone.CONTRACT.labels, ("light", "medium", "heavy")
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(["name", "label", "answer", "float_answer", "confidence", "slice:ink"])
    for number in range(n):
        label = answer = float_answer = digits[number % 10]
        wrong = digits[(number + 1) % 10]
        if number < n - right:
            answer = wrong
        if number < n - right - lost:
            float_answer = wrong
        row = [f"row {number}", label, answer, float_answer, "0.950000"]
        writer.writerow([*row, ink[number * 3 // n]])
    return rows.getvalue().encode()


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()

"""Describe a target in the manifest, in either form, from what `validate` left of it.

A bundle of classifiers of one image is written as edgebake.manifest/1, which apps of earlier
releases read; a bundle with any other target as edgebake.manifest/2.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from edgebake import artifacts
from edgebake.bundle import fallback_order, golden_vectors, numbers_file, processing_steps
from edgebake.bundle.manifest_types import (
    FloatReferenceEntry,
    GateEntry,
    MeasurementEntry,
    TargetEntry,
    TensorEntry,
    WaiverEntry,
)
from edgebake.evaluation import float_reference
from edgebake.evaluation.gates.judge import Judgment
from edgebake.evaluation.gates.verdict import Decision
from edgebake.recipe import Waiver
from edgebake.recipe.lineage import Section, recipe_digest, tool_versions, trace
from edgebake.recipe.stage_params import TargetParams, read_plan
from edgebake.recipe.typed_values import to_plain
from edgebake.runtimes import contract_tensors
from edgebake.tasks.contract import Contract, from_json
from edgebake.tasks.task import load_task

# Gates on timing and memory: two builds may pass them with different verdicts, so the manifest
# only says that they let the target through. measurements.json has the verdict.
TIMED_GATES = ("speedup", "latency_p90_ms", "frames_per_second", "peak_memory_mb")
LET_THROUGH = "let through by what was timed"
# Metrics that do not change from run to run: these of every task, and those of a word of the task
# (accuracy, float_accuracy, accuracy_drop, accuracy_float32_arithmetic).
REPRODUCIBLE_METRICS = (
    "expected_calibration_error",
    "false_alarms_per_hour",
    "size_mb",
    "macs",
    "parameters",
    "activation_peak_mb",
)
AGREEMENT = "agreement_"  # prefix of the agreement in every run mode
FIRST_FORM_METRICS = ["accuracy"]  # words of the task's metrics in edgebake.manifest/1
MACHINE_KEYS = ("device", "os", "governor")  # of a measurement
# Metrics and gates whose name in edgebake.manifest/1 differs from the name in the recipe.
FIRST_FORM_NAMES = {
    "accuracy_drop": "loss",
    "expected_calibration_error": "calibration_error",
    "accelerator_coverage": "placement",
}
ALL_THE_SAME: dict[str, str] = {}  # edgebake.manifest/2 has the names of the recipe


@dataclass(frozen=True)
class PackagedTarget:
    """A target's entry in the manifest, and its files by path in the bundle."""

    entry: TargetEntry
    files: dict[str, bytes]
    untested_classes: list[str]  # without test examples, for the model card


@dataclass(frozen=True)
class _Validated:
    """What `validate` left of a target."""

    target: TargetParams
    judgment: Judgment
    report: dict[str, Any]
    inspection: dict[str, Any]
    contract: Contract
    sections: dict[str, Section]  # parameters of the stages before it

    @property
    def variant(self) -> str:
        """Return the name of the converted file."""
        return str(self.report["convert"])

    @property
    def labels_path(self) -> str:
        """Return the path of the labels in the bundle."""
        return f"models/{self.variant}.labels.txt"


def package_targets(
    targets: Mapping[str, TargetParams], judgments: Mapping[str, Judgment]
) -> dict[str, PackagedTarget]:
    """Describe the targets of a bundle, and collect the files that were validated.

    Args:
        targets: parameters of package, by the target's name, in fallback order.
        judgments: the outputs of validate, and the decision on each gate, by the same names.
    """
    validated = {name: _read(target, judgments[name]) for name, target in targets.items()}
    is_first_form = all(each.contract.is_image_classifier for each in validated.values())
    return {name: _package(each, is_first_form) for name, each in validated.items()}


def _read(target: TargetParams, judgment: Judgment) -> _Validated:
    folder = judgment.folder
    contract_file = folder / "contract.json"
    return _Validated(
        target,
        judgment,
        artifacts.read_json(folder / "report.json"),
        artifacts.read_json(folder / "inspection.json"),
        from_json(contract_file.read_text()),
        trace(read_plan(), target.validate),
    )


def _package(validated: _Validated, is_first_form: bool) -> PackagedTarget:
    contract = validated.contract
    folder = validated.judgment.folder
    model_files = _model_files(folder / "files", validated.variant)
    entry = _entry(validated, is_first_form)
    entry["model"] = _model_path(model_files)
    golden = artifacts.read_json(folder / "golden.json")
    vectors = golden_vectors.render(golden, entry["postprocessing"], contract.labels)
    labels = "".join(f"{label}\n" for label in contract.labels)
    files = {
        **model_files,
        **numbers_file.render(contract.inputs, validated.variant),
        validated.labels_path: labels.encode(),
        entry["golden"]: vectors,
    }
    return PackagedTarget(entry, files, validated.judgment.evidence.untested_classes)


def _entry(validated: _Validated, is_first_form: bool) -> TargetEntry:
    """Return the entry of a target, its model's path left open."""
    target, sections = validated.target, validated.sections
    names = FIRST_FORM_NAMES if is_first_form else ALL_THE_SAME
    report = validated.report
    task = load_task(validated.contract.task)
    words = FIRST_FORM_METRICS if is_first_form else [metric.word for metric in task.METRICS]
    score = {} if is_first_form else {"score": words[0]}
    outputs = _output_entries(validated, is_first_form)
    entry: dict[str, Any] = {
        **fallback_order.device_entry(target.device),
        "model": "",
        "runtime": target.runtime,
        "protection": target.package.protect.value,
        "task": validated.contract.task,
        **_ends(validated, outputs, is_first_form),
        "postprocessing": task.after(outputs, target.package, validated.labels_path),
        "labels": validated.contract.labels,
        "golden": f"golden/{validated.variant}.json",
        "metrics": _metric_entries(report["metrics"], words, names),
        **score,
        "float_reference": _float_reference_entry(report["float_reference"]),
        "gates": [_gate_entry(decision, names) for decision in validated.judgment.decisions],
        "waivers": [_waiver_entry(waiver, names) for waiver in target.waivers],
        # Not the planner's digest: an experiment may have changed params.yaml since.
        "recipe_sha256": recipe_digest(sections, to_plain(target)),
        "scheme": sections["quantize"]["scheme"],
        "tools": tool_versions(sections),
    }
    if "in_float" in validated.inspection:
        entry["in_float"] = validated.inspection["in_float"]
    return cast("TargetEntry", entry)


def _ends(validated: _Validated, outputs: list[TensorEntry], is_first_form: bool) -> dict[str, Any]:
    """Return the keys of the inputs and outputs."""
    tensors = contract_tensors.inputs(validated.contract, validated.inspection)
    convert = validated.sections["convert"]
    inputs = processing_steps.inputs(tensors, convert, validated.variant)
    if not is_first_form:
        return {"inputs": inputs, "outputs": outputs}
    (only,) = inputs
    return {"input": only["tensor"], "output": outputs[0], "preprocessing": only["preprocessing"]}


def _output_entries(validated: _Validated, is_first_form: bool) -> list[TensorEntry]:
    """Return the outputs in the order of the file; in the second form by the contract's names."""
    entries = []
    for output, tensor in contract_tensors.outputs(validated.contract, validated.inspection):
        entry = cast("TensorEntry", asdict(tensor))
        if not is_first_form:
            entry["name"] = output.name
        entries.append(entry)
    return entries


def _metric_entries(
    metrics: Mapping[str, Mapping[str, object]], words: Sequence[str], names: Mapping[str, str]
) -> dict[str, MeasurementEntry]:
    """Return the reproducible metrics of a report, under their names in the manifest.

    Args:
        metrics: of report.json.
        words: names of the task's metrics.
        names: in the manifest, of those that have another there.
    """
    entries = {}
    for name, measurement in metrics.items():
        if _is_reproducible(name, words):
            entries[names.get(name, name)] = _measurement_entry(measurement)
    return entries


def _is_reproducible(name: str, words: Iterable[str]) -> bool:
    """Return whether a metric is the same in every build.

    Args:
        name: of the metric.
        words: names of the task's metrics.
    """
    if name in REPRODUCIBLE_METRICS or name.startswith(AGREEMENT):
        return True
    return any(name in (word, f"float_{word}") or name.startswith(f"{word}_") for word in words)


def _measurement_entry(measurement: Mapping[str, object]) -> MeasurementEntry:
    """Return a measurement without the machine: another one measures the same."""
    entry = dict(measurement)
    for key in MACHINE_KEYS:
        entry.pop(key, None)
    return cast("MeasurementEntry", entry)


def _float_reference_entry(fields: Mapping[str, object]) -> FloatReferenceEntry:
    reference = float_reference.from_dict(fields)
    bound = float_reference.power_of_ten_above(reference.largest_difference)
    return {
        "source": reference.source,
        "runtime": reference.runtime or None,
        "examples": reference.examples,
        "same_answers": reference.same_answers,
        "difference_at_most": bound,
    }


def _gate_entry(decision: Decision, names: Mapping[str, str]) -> GateEntry:
    """Return the requirement and the verdict of a gate."""
    entry = cast("GateEntry", decision.to_dict())
    entry["gate"] = names.get(decision.gate, decision.gate)
    if decision.gate in TIMED_GATES:
        entry["verdict"] = LET_THROUGH
        entry.pop("waiver", None)
    elif decision.waiver:
        entry["waiver"] = _waiver_entry(decision.waiver, names)
    return entry


def _waiver_entry(waiver: Waiver, names: Mapping[str, str]) -> WaiverEntry:
    return {
        "gate": names.get(waiver.gate, waiver.gate),
        "reason": waiver.reason,
        "by": waiver.by,
        "until": waiver.until,
    }


def _model_files(folder: Path, variant: str) -> dict[str, bytes]:
    """Read a converted model, named like its variant: models/digits-ds_cnn-int8-litert.tflite."""
    files = {}
    for path, data in artifacts.read_files(folder).items():
        suffix = path.removeprefix("model")
        files[f"models/{variant}{suffix}"] = data
    return files


def _model_path(files: dict[str, bytes]) -> str:
    """Return the path that an app opens: the file, or the folder of a Core ML package."""
    first_path = next(iter(files))
    folder, name, *_ = first_path.split("/")
    return f"{folder}/{name}"

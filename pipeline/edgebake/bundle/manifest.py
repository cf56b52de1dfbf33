"""Write manifest.json, which tells an app how to run the models of a bundle.

The same commit always gives the same manifest. Latency, memory and the machine differ between
builds, so they are written beside the bundle, to <platform>.measurements.json.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import cast

from edgebake import artifacts
from edgebake.bundle import fallback_order, golden_vectors, json_schema, processing_steps
from edgebake.bundle.json_schema import SchemaError
from edgebake.bundle.manifest_types import (
    EncryptionEntry,
    FileEntry,
    FloatReferenceEntry,
    GateEntry,
    Manifest,
    ManifestBody,
    ManifestHead,
    MeasurementEntry,
    SourceEntry,
    TargetEntry,
    WaiverEntry,
)
from edgebake.errors import RecipeError
from edgebake.evaluation import float_reference
from edgebake.evaluation.gates.judge import Judgment
from edgebake.evaluation.gates.verdict import Decision
from edgebake.recipe import Waiver
from edgebake.recipe.lineage import recipe_digest, tool_versions, trace
from edgebake.recipe.stage_params import PackageParams, TargetParams, read_plan
from edgebake.recipe.typed_values import to_plain
from edgebake.tasks.contract import from_json

FILE = "manifest.json"
SCHEMA = "edgebake.manifest/1"
UNSIGNED = "unsigned"
# Gates on timing and memory: two builds may pass them with different verdicts, so the manifest
# only says that they let the target through. measurements.json has the verdict.
TIMED_GATES = ("speedup", "latency_p90_ms", "frames_per_second", "peak_memory_mb")
LET_THROUGH = "let through by what was timed"
# Metrics that do not change from run to run, and prefixes of those of further run modes.
REPRODUCIBLE_METRICS = (
    "accuracy",
    "float_accuracy",
    "accuracy_drop",
    "expected_calibration_error",
    "size_mb",
    "macs",
    "parameters",
    "activation_peak_mb",
)
REPRODUCIBLE_PREFIXES = ("accuracy_", "agreement_")
MACHINE_KEYS = ("device", "os", "governor")  # of a measurement
# Metrics and gates whose name in edgebake.manifest/1 differs from the name in the recipe.
MANIFEST_NAMES = {
    "accuracy_drop": "loss",
    "expected_calibration_error": "calibration_error",
    "accelerator_coverage": "placement",
}


@dataclass(frozen=True)
class PackagedTarget:
    """A target's entry in the manifest, and its files by path in the bundle."""

    entry: TargetEntry
    files: dict[str, bytes]
    untested_classes: list[str]  # without test examples, for the model card


def package_target(target: TargetParams, judgment: Judgment) -> PackagedTarget:
    """Describe one target, and collect the files that were validated.

    Args:
        target: its parameters of package.
        judgment: the outputs of validate, and the decision on each gate.
    """
    folder = judgment.folder
    report = artifacts.read_json(folder / "report.json")
    inspection = artifacts.read_json(folder / "inspection.json")
    golden = artifacts.read_json(folder / "golden.json")
    contract_file = folder / "contract.json"
    contract = from_json(contract_file.read_text())
    sections = trace(read_plan(), target.validate)
    variant = report["convert"]
    labels_path = f"models/{variant}.labels.txt"
    golden_path = f"golden/{variant}.json"
    model_files = _model_files(folder / "files", variant)
    preprocessing = processing_steps.preprocessing(
        contract.single_input, inspection["input"], sections["convert"]
    )
    postprocessing = processing_steps.postprocessing(
        inspection["output"], target.package, labels_path
    )
    entry: TargetEntry = {
        **fallback_order.device_entry(target.device),  # type: ignore[typeddict-item]  # no in_float
        "model": _model_path(model_files),
        "runtime": target.runtime,
        "protection": target.package.protect.value,
        "task": contract.task,
        "input": inspection["input"],
        "output": inspection["output"],
        "preprocessing": preprocessing,
        "postprocessing": postprocessing,
        "labels": contract.labels,
        "golden": golden_path,
        "metrics": _metric_entries(report["metrics"]),
        "float_reference": _float_reference_entry(report["float_reference"]),
        "gates": [_gate_entry(decision) for decision in judgment.decisions],
        "waivers": [_waiver_entry(waiver) for waiver in target.waivers],
        # Not the planner's digest: an experiment may have changed params.yaml since.
        "recipe_sha256": recipe_digest(sections, to_plain(target)),
        "scheme": sections["quantize"]["scheme"],
        "tools": tool_versions(sections),
    }
    if "in_float" in inspection:
        entry["in_float"] = inspection["in_float"]
    labels = "".join(f"{label}\n" for label in contract.labels)
    vectors = golden_vectors.render(golden, postprocessing, contract.labels)
    files = {**model_files, labels_path: labels.encode(), golden_path: vectors}
    return PackagedTarget(entry, files, judgment.evidence.untested_classes)


def compose_head(
    section: PackageParams,
    platform: str,
    targets: Mapping[str, PackagedTarget],
    source: SourceEntry,
) -> ManifestHead:
    """Compose the manifest without its signature, licenses and files."""
    release = section.about
    entries = {name: target.entry for name, target in targets.items()}
    commit: SourceEntry = {"git_commit": source["git_commit"], "dirty": source["dirty"]}
    return {
        "schema": SCHEMA,
        "name": release.name,
        "version": release.version,
        "author": release.author,
        "license": release.license,
        "description": release.description,
        "platform": platform,
        "source": commit,
        "chain": list(targets),
        "targets": entries,
    }


def render(
    body: ManifestBody, files: Mapping[str, bytes], encrypted: Mapping[str, EncryptionEntry]
) -> str:
    """Return the text of manifest.json, validated against its schema.

    Args:
        body: the manifest without its files.
        files: every file of the bundle except the manifest, by path.
        encrypted: the entry of each encrypted file, by path.

    Raises:
        RecipeError: a text or number of the recipes is larger than the schema allows.
    """
    entries: list[FileEntry] = []
    for path, data in sorted(files.items()):
        entry: FileEntry = {"path": path, "sha256": artifacts.sha256(data), "size": len(data)}
        if path in encrypted:
            entry["encryption"] = encrypted[path]
        entries.append(entry)
    manifest: Manifest = {**body, "files": entries}
    try:
        validate(manifest)
    except SchemaError as error:
        raise RecipeError(f"{FILE}: {error}") from None
    return json.dumps(manifest, indent=2) + "\n"


def validate(content: object) -> None:
    """Validate the content of a manifest against manifest.schema.json.

    Raises:
        SchemaError: it does not match.
    """
    folder = resources.files("edgebake.bundle")
    file = folder / "manifest.schema.json"
    json_schema.validate(content, file.read_bytes())


def belongs_to(path: str, model: str) -> bool:
    """Return whether a file is a model, or lies in a model that is a folder."""
    return path == model or path.startswith(f"{model}/")


def signing_key_id(body: ManifestBody) -> str | None:
    """Return the id of the key that signs the bundle; none for an unsigned bundle."""
    signature = body["signature"]
    if isinstance(signature, str):
        return None
    return signature["key_id"]


def _metric_entries(metrics: Mapping[str, Mapping[str, object]]) -> dict[str, MeasurementEntry]:
    """Return the reproducible metrics of a report, under their names in the manifest."""
    entries = {}
    for name, measurement in metrics.items():
        if name in REPRODUCIBLE_METRICS or name.startswith(REPRODUCIBLE_PREFIXES):
            entries[_manifest_name(name)] = _measurement_entry(measurement)
    return entries


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


def _gate_entry(decision: Decision) -> GateEntry:
    """Return the requirement and the verdict of a gate."""
    entry = cast("GateEntry", decision.to_dict())
    entry["gate"] = _manifest_name(decision.gate)
    if decision.gate in TIMED_GATES:
        entry["verdict"] = LET_THROUGH
        entry.pop("waiver", None)
    elif decision.waiver:
        entry["waiver"] = _waiver_entry(decision.waiver)
    return entry


def _waiver_entry(waiver: Waiver) -> WaiverEntry:
    return {
        "gate": _manifest_name(waiver.gate),
        "reason": waiver.reason,
        "by": waiver.by,
        "until": waiver.until,
    }


def _manifest_name(name: str) -> str:
    """Return the name of a metric or gate in edgebake.manifest/1."""
    return MANIFEST_NAMES.get(name, name)


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

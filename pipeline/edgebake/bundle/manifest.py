"""What an app reads to use a bundle, and a release engineer to trust it.

Everything in it is the same for the same commit. Times, memory and the machine are not, so they lie beside the bundle,
in <platform>.measurements.json, and its provenance names that file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from edgebake import artifacts
from edgebake.bundle import fallback_order, golden_vectors, processing_steps
from edgebake.bundle.lineage import recipe_digest, tool_versions, trace
from edgebake.evaluation.gates.judge import Judgment
from edgebake.evaluation.gates.verdict import Decision
from edgebake.recipe.stage_params import PackageParams, TargetParams, read_plan, to_plain
from edgebake.tasks.contract import from_json

FILE = "manifest.json"
SCHEMA = "edgebake.manifest/1"
UNSIGNED = "unsigned"
# Gates whose verdict may differ between two runs that both let the target through; the measurements hold it.
TIMED = ("speedup", "latency_p90_ms", "frames_per_second", "peak_memory_mb")
LET_THROUGH = "let through by what was timed"
# Metrics that do not change from run to run; those of a further way to run the file end in its name.
STEADY = (
    *("accuracy", "float_accuracy", "accuracy_drop", "expected_calibration_error", "size_mb"),
    *("macs", "parameters", "activation_peak_mb", "accuracy_", "agreement_"),
)
# Metrics and gates whose name in edgebake.manifest/1 is not the one of the recipe.
MANIFEST_NAMES = {
    "accuracy_drop": "loss",
    "expected_calibration_error": "calibration_error",
    "accelerator_coverage": "placement",
}


@dataclass(frozen=True)
class TargetFiles:
    """One target's part of the manifest, and the files that it brings along by their path in the bundle."""

    content: dict[str, Any]
    files: dict[str, bytes]


def target_entry(target: TargetParams, judged: Judgment) -> TargetFiles:
    """Return what the manifest says of one target, and its files as they were measured."""
    folder = judged.folder
    report = json.loads((folder / "report.json").read_text())
    chained = trace(read_plan(), target.validate)
    contract = from_json((folder / "contract.json").read_text())
    inspection = json.loads((folder / "inspection.json").read_text())
    name = report["convert"]
    models = _shipped(folder / "files", name)
    labels, vectors = f"models/{name}.labels.txt", f"golden/{name}.json"
    after = processing_steps.postprocessing(inspection["output"], target.package, labels)
    content = {
        **fallback_order.device_entry(target.device),
        "model": _model_path(models),
        "runtime": target.runtime,
        "protection": target.package.protect.value,
        "task": contract.task,
        "input": inspection["input"],
        "output": inspection["output"],
        "preprocessing": processing_steps.preprocessing(
            contract, inspection["input"], chained["convert"]
        ),
        "postprocessing": after,
        "labels": contract.labels,
        "golden": vectors,
        "metrics": {
            MANIFEST_NAMES.get(metric, metric): _steady(found)
            for metric, found in report["metrics"].items()
            if _is_steady(metric)
        },
        "gates": [_steady_gate(decision) for decision in judged.decisions],
        "waivers": [_named(vars(waiver)) for waiver in target.waivers],
        # Not the planner's digest: an experiment may have changed params.yaml since.
        "recipe_sha256": recipe_digest(chained, to_plain(target)),
        "scheme": chained["quantize"]["scheme"],
        "tools": tool_versions(chained),
    }
    texts = {
        labels: "".join(f"{label}\n" for label in contract.labels).encode(),
        vectors: golden_vectors.render(
            json.loads((folder / "golden.json").read_text()), after, contract.labels
        ),
    }
    return TargetFiles(content, {**models, **texts})


def without_files(
    section: PackageParams,
    platform: str,
    entries: Mapping[str, TargetFiles],
    source: dict[str, Any],
) -> dict[str, Any]:
    """Return all that a manifest says but who signs it, under which licenses, and which files there are."""
    return {
        "schema": SCHEMA,
        **to_plain(section.about),
        "platform": platform,
        "source": {word: source[word] for word in ("git_commit", "dirty")},
        "chain": list(entries),
        "targets": {name: one.content for name, one in entries.items()},
    }


def render(
    content: dict[str, Any], files: Mapping[str, bytes], encrypted: Mapping[str, dict[str, Any]]
) -> str:
    """Return the text of manifest.json, checked against its schema.

    Args:
        content: all of it but the files.
        files: every file of the bundle beside the manifest, by its path.
        encrypted: what is said of each file that is encrypted.
    """
    listed = [
        {"path": path, "sha256": artifacts.sha256(data), "size": len(data)}
        | ({"encryption": encrypted[path]} if path in encrypted else {})
        for path, data in sorted(files.items())
    ]
    whole = {**content, "files": listed}
    validate(whole)
    return json.dumps(whole, indent=2) + "\n"


def validate(content: dict[str, Any]) -> None:
    """Hold a manifest against manifest.schema.json.

    Raises:
        jsonschema.ValidationError: it is not one.
    """
    import jsonschema  # 0.2 s, and only package and verify need it

    schema = json.loads(
        resources.files("edgebake.bundle").joinpath("manifest.schema.json").read_text()
    )
    jsonschema.validate(content, schema)


def belongs_to(path: str, model: str) -> bool:
    """Return whether a file is a model, or lies in the folder that one is."""
    return path == model or path.startswith(f"{model}/")


def _steady(metric: dict[str, Any]) -> dict[str, Any]:
    """Return a measurement without the machine that made it: another one finds the same, and makes the same bundle."""
    return {
        word: value for word, value in metric.items() if word not in ("device", "os", "governor")
    }


def _steady_gate(decision: Decision) -> dict[str, Any]:
    """Return what was asked and the verdict; of a gate on times, that it let the target through."""
    gate = _named(decision.to_dict())
    if decision.gate in TIMED:
        gate.pop("waiver", None)
        gate["verdict"] = LET_THROUGH
    elif gate.get("waiver"):
        gate["waiver"] = _named(gate["waiver"])
    return gate


def _named(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of what names a gate, with the gate's name of edgebake.manifest/1."""
    gate = content["gate"]
    return {**content, "gate": MANIFEST_NAMES.get(gate, gate)}


def _is_steady(name: str) -> bool:
    return name in STEADY or name.startswith(tuple(word for word in STEADY if word.endswith("_")))


def _shipped(files: Path, name: str) -> dict[str, bytes]:
    """Return a converted file under its variant's name: models/digits-ds_cnn-int8-litert.tflite."""
    return {
        f"models/{name}{path.removeprefix('model')}": data
        for path, data in artifacts.read_files(files).items()
    }


def _model_path(files: dict[str, bytes]) -> str:
    """Return what an app opens: the file, or for Core ML the folder that holds its files."""
    return "/".join(next(iter(files)).split("/")[:2])

"""What an app reads to use a bundle, and a release engineer to trust it.

Everything in it is the same for the same commit on the same machine. Times and memory are not, so they lie beside the
bundle, in <platform>.measurements.json.
"""

import json
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pipeline import artifacts
from pipeline.contract import Contract, from_json
from pipeline.gates.target import Judged
from pipeline.lineage import chain, digest, tools_of
from pipeline.sections import PackageSection, TargetSection, plain, read_plan
from pipeline.tensors import IMAGE

FILE = "manifest.json"
SCHEMA = "edgebake.manifest/1"
# Metrics that do not change from run to run; those of a further way to run the file end in its name.
STEADY = (
    *("accuracy", "float_accuracy", "loss", "calibration_error", "size_mb"),
    *("macs", "parameters", "activation_peak_mb", "accuracy_", "agreement_"),
)


@dataclass(frozen=True)
class Entry:
    """One target's part of the manifest, and the files that it brings along by their path in the bundle."""

    content: dict[str, Any]
    files: dict[str, bytes]


def entry(target: TargetSection, judged: Judged) -> Entry:
    """Return what the manifest says of one target."""
    folder = judged.folder
    report = json.loads((folder / "report.json").read_text())
    chained = chain(read_plan(), target.validate)
    contract = from_json((folder / "contract.json").read_text())
    inspection = json.loads((folder / "inspection.json").read_text())
    files = _shipped(folder / "files", report["convert"])
    content = {
        "device": _device(target),
        "model": _model_path(files),
        "runtime": target.runtime,
        "accelerators": [item.value for item in target.device.accelerators],
        "input": inspection["input"],
        "output": inspection["output"],
        "preprocessing": _preprocessing(contract, inspection["input"]["dtype"], chained["convert"]),
        "postprocessing": {"labels": contract.labels, **asdict(target.package)},
        "metrics": {name: _steady(metric) for name, metric in report["metrics"].items() if _is_steady(name)},
        "gates": [decision.to_dict() for decision in judged.decisions],
        "waivers": [vars(waiver) for waiver in target.waivers],
        # Not the planner's digest: an experiment may have changed params.yaml since.
        "recipe_sha256": digest(chained, plain(target)),
        "tools": tools_of(chained),
    }
    labels = "".join(f"{label}\n" for label in contract.labels)
    return Entry(content, {**files, f"models/{report['convert']}.labels.txt": labels.encode()})


def make(section: PackageSection, platform: str, entries: dict[str, Entry], source: dict[str, Any]) -> str:
    """Return the text of manifest.json, checked against its schema."""
    files = {name: content for one in entries.values() for name, content in one.files.items()}
    content = {
        "schema": SCHEMA,
        **plain(section.about),
        "platform": platform,
        "source": {word: source[word] for word in ("git_commit", "dirty")},
        "targets": {name: one.content for name, one in entries.items()},
        "files": [
            {"path": name, "sha256": artifacts.sha256(data), "size": len(data)} for name, data in sorted(files.items())
        ],
    }
    validate(content)
    return json.dumps(content, indent=2) + "\n"


def validate(content: dict[str, Any]) -> None:
    """Hold a manifest against manifest.schema.json.

    Raises:
        jsonschema.ValidationError: it is not one.
    """
    import jsonschema  # noqa: PLC0415 - 0.2 s, and only package needs it

    schema = json.loads(resources.files("pipeline.bundle").joinpath("manifest.schema.json").read_text())
    jsonschema.validate(content, schema)


def _preprocessing(contract: Contract, dtype: str, convert: dict[str, Any]) -> dict[str, Any]:
    """Return what an app does to an image; width and height are the model's own, other sizes stand beside them."""
    words = convert.get("coreml") or {}
    return {
        "resize": contract.resize,
        "width": contract.width,
        "height": contract.height,
        "colour": contract.colour,
        "mean": contract.mean,
        "scale": contract.scale,
        # A Core ML program takes the image itself and scales it inside.
        "scaled_by": "model" if dtype == IMAGE else "app",
        **{word: words[word] for word in ("resolutions", "resolution_range") if words.get(word)},
    }


def _steady(metric: dict[str, Any]) -> dict[str, Any]:
    """Return a measurement without what says nothing of accuracy and differs between equal machines."""
    return {word: value for word, value in metric.items() if word not in ("os", "governor")}


def _is_steady(name: str) -> bool:
    return name in STEADY or name.startswith(tuple(word for word in STEADY if word.endswith("_")))


def _device(target: TargetSection) -> dict[str, Any]:
    facts = plain(target.device)
    return {word: facts[word] for word in ("name", "minimum_os", "soc", "memory_mb")}


def _shipped(files: Path, name: str) -> dict[str, bytes]:
    """Return a converted file under its variant's name: models/digits-ds_cnn-int8-litert.tflite."""
    return {f"models/{name}{path.removeprefix('model')}": data for path, data in artifacts.read_files(files).items()}


def _model_path(files: dict[str, bytes]) -> str:
    """Return what an app opens: the file, or for Core ML the folder that holds its files."""
    return "/".join(next(iter(files)).split("/")[:2])

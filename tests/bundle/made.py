"""A small bundle, written by hand: its parameters, manifest and files, and a plan behind it."""

import shutil
from pathlib import Path
from typing import Any

from edgebake.recipe import Card, Device, Licenses
from edgebake.recipe.data import ImportedComponent
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import PackageParams, TargetParams

ROOT = Path(__file__).parents[2]
ABOUT = ReleaseInfo("digits", "1.2.0", "Ada", "Apache-2.0", "Reads one digit.")
DIGITS = ImportedComponent(
    "Handwritten Digits", "E. Alpaydin", "CC-BY-4.0", "https://doi.org/10.24432/C50P49", kind="data"
)
WEIGHTS = ImportedComponent("Some Weights", "Ada", "MIT", "a page of Ada's", kind="weights")
POLICY = Licenses(
    allow=["Apache-2.0", "CC-BY-4.0", "MIT"],
    review=["MPL-2.0"],
    deny=["CC-BY-NC-4.0", "GPL-3.0-only"],
)
LITERT, ONNX = "models/digits-litert.tflite", "models/digits-onnxruntime.onnx"
FILES = {
    LITERT: b"TFL3 model",
    ONNX: b"onnx",
    "models/digits-litert.labels.txt": b"0\n1\n",
    "golden/digits.json": b"{}",
}
SHA256 = "ab" * 32
WHERE: dict[str, Any] = {"runtime": "some runtime 1.0", "threads": 1, "sha256": SHA256}
VARIANT = "digits-ds_cnn-int8-litert-android"  # of validate, in the project's own plan


def plan(folder: Path) -> None:
    """Put the plan that led to the bundle into a folder: the project's own."""
    shutil.copy(ROOT / "params.yaml", folder)


def section(
    *imported: ImportedComponent, about: ReleaseInfo = ABOUT, card: Card | None = None
) -> PackageParams:
    """Return what package reads: two targets, both made from what was imported."""
    target = TargetParams(
        validate=VARIANT, runtime="litert", device=Device(), ingredients=list(imported)
    )
    return PackageParams(
        about=about,
        card=card or Card(["Reading digits."], ["Nothing but digits."]),
        licenses=POLICY,
        targets={"pixel_8": target, "linux_any": target},
    )


def content() -> Any:
    """Return the manifest of two targets, less its files."""
    return {
        "schema": "edgebake.manifest/1",
        **vars(ABOUT),
        "platform": "android",
        "signature": "unsigned",
        "source": {"git_commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False},
        "chain": ["pixel_8", "linux_any"],
        "targets": {
            "pixel_8": target(
                "litert", LITERT, {"ai-edge-litert": "2.3.0", "tensorflow": "2.20.0"}
            ),
            "linux_any": target("onnxruntime", ONNX, {"onnxruntime": "1.32.0"}),
        },
        "licenses": [
            {
                "kind": "data",
                "name": DIGITS.name,
                "license": DIGITS.license,
                "source": DIGITS.source,
                "decision": "allow",
            }
        ],
    }


def target(runtime: str, model: str, tools: dict[str, str]) -> Any:
    """Return a target of the manifest."""
    return {
        "device": {
            "name": "Pixel 8",
            "minimum_os": "34",
            "soc": [],
            "memory_mb": None,
            "features": [],
            "devices": [],
            "excluded_devices": [],
        },
        "model": model,
        "golden": "golden/digits.json",
        "labels": ["0", "1"],
        "runtime": runtime,
        "accelerators": ["npu", "cpu"],
        "protection": "none",
        "task": "classification",
        "input": {
            "name": "image",
            "shape": [1, 32, 32, 1],
            "dtype": "int8",
            "layout": "NHWC",
            "scale": 1 / 128,
            "zero_point": 0,
        },
        "output": {
            "name": "probabilities",
            "shape": [1, 2],
            "dtype": "int8",
            "layout": "NC",
            "scale": 1 / 256,
            "zero_point": -128,
        },
        "preprocessing": [
            {"step": "decode", "colour": "grey"},
            {"step": "resize", "width": 32, "height": 32, "filter": "bilinear", "antialias": True},
            {"step": "normalize", "mean": 127.5, "scale": 1 / 127.5},
        ],
        "postprocessing": [
            {
                "step": "decode_boxes",
                "boxes": "corners",
                "anchors": [[0.0, 0.0, 1.0, 1.0]] * 1917,
                "scales": None,
            },
            {
                "step": "top_k",
                "k": 3,
                "threshold": 0.5,
                "labels": "models/digits-litert.labels.txt",
            },
        ],
        "metrics": {
            "accuracy": {
                "value": 0.97,
                "unit": "share",
                "where": "host",
                "interval": [0.957, 0.98],
                "n": 1000,
                **WHERE,
            },
            "size_mb": {"value": 0.04, "unit": "MB", "where": "file", "sha256": SHA256},
            "macs": {"value": 76800000, "unit": "1", "where": "file", "sha256": SHA256},
            "loss": {
                "value": None,
                "unit": "share",
                "where": "not measured",
                "reason": "no such device here",
            },
        },
        "gates": [
            {"gate": "accuracy", "at_least": 0.95, "confidence": 0.95, "verdict": "passed"},
            {"gate": "size_mb", "at_most": 0.03, "confidence": 0.975, "verdict": "waived"},
        ],
        "waivers": [
            {"gate": "size_mb", "reason": "one release", "by": "Ada", "until": "2999-12-31"}
        ],
        "recipe_sha256": SHA256,
        "scheme": "int8",
        "tools": tools,
    }

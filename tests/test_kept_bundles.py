"""Bundles of earlier releases, in tests/bundles/: the current code verifies and runs them.

Those in v1 are edgebake.manifest/1, those in v2 edgebake.manifest/2.
"""

import base64
import importlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from edgebake.bundle import samples
from edgebake.bundle.device_matching import Facts, resolve
from edgebake.bundle.tensors_of import inputs_of
from edgebake.cli import verify
from edgebake.cli.verify import VerifyOptions
from edgebake.runtimes.session import Tensor, single_output

KEPT = sorted((Path(__file__).parent / "bundles").glob("v*/*.zip"))
PIXEL_8 = Facts("34", "Tensor G3", 7600, frozenset(), "google/shiba", frozenset({"npu", "cpu"}))
KNOWN = {"android": PIXEL_8, "linux": Facts("2.36", "BCM2712", 4000)}
ANY = {"android": Facts("23"), "linux": Facts("2.31")}
TASKS = ("commands", "gestures", "language")  # of v2; its models for Linux have a few weights
# The first target of each task that a known device and any other got from the first bundle on.
TARGETS = {
    "v1/android": (["pixel_8"], ["android_any"]),
    "v1/linux": (["raspberry_pi_5"], ["linux_any"]),
    "v2/android": ([f"kept_{task}_android_any" for task in TASKS],) * 2,
    "v2/linux": (
        [f"kept_{task}_raspberry_pi_5" for task in TASKS],
        [f"kept_{task}_linux_any" for task in TASKS],
    ),
}


def _name(bundle: Path) -> str:
    return f"{bundle.parent.name}/{bundle.stem}"


def _files(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _manifest(bundle: Path) -> Any:
    return json.loads(_files(bundle)["manifest.json"])


def test_bundles_are_kept() -> None:
    assert {_name(bundle) for bundle in KEPT} == TARGETS.keys()


@pytest.mark.parametrize("bundle", KEPT, ids=_name)
def test_it_is_verified(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where no release says what it thinks of licenses today
    output = io.StringIO()
    verify.verify(
        VerifyOptions(bundle, public_key=bundle.parent / "release.pub.pem"),
        Console(file=output, width=200),
    )
    lines = output.getvalue().splitlines()
    companions = {
        "v1": "samples NOT covered by this provenance, which an older edgebake made",
        "v2": "no samples here",
    }
    assert lines[-2] == f"companions  {companions[bundle.parent.name]}; no measurements here"
    name = _manifest(bundle)["name"]
    assert lines[-1] == f"{name} 1.0.0 for {bundle.stem}: sound"


@pytest.mark.parametrize("bundle", KEPT, ids=_name)
def test_devices_get_what_they_got(bundle: Path) -> None:
    manifest = _manifest(bundle)
    known, others = TARGETS[_name(bundle)]
    for facts, targets in ((KNOWN[bundle.stem], known), (ANY[bundle.stem], others)):
        firsts: dict[str, str] = {}
        for choice in resolve(manifest, facts):
            (model_input,) = inputs_of(manifest["targets"][choice.target])
            firsts.setdefault(model_input["kind"], choice.target)
        assert list(firsts.values()) == targets


@pytest.mark.parametrize("bundle", KEPT, ids=_name)
def test_every_model_answers_its_golden_vectors(bundle: Path) -> None:
    files, content = _files(bundle), _manifest(bundle)
    for target in content["targets"].values():
        runtime = importlib.import_module(f"edgebake.runtimes.{target['runtime']}")
        runner = importlib.import_module(f"edgebake.runtimes.{target['runtime']}.run")
        session = runner.load({runtime.FILE: files[target["model"]]}, 1)
        golden = json.loads(files[target["golden"]])
        assert len(golden["examples"]) >= 3
        (model_input,) = inputs_of(target)
        described = Tensor(**model_input["tensor"])
        for example in golden["examples"]:
            tensor, expected, tolerance = _single(golden, example)
            session.feed({described.name: described.to_real(_tensor(tensor))})
            session.invoke()
            assert np.abs(single_output(session.read())[0] - expected).max() <= tolerance


def _single(golden: dict[str, Any], example: dict[str, Any]) -> tuple[Any, Any, float]:
    """Return tensor, output and tolerance of the only input and output, in either form."""
    if golden["format"] == "edgebake.golden/1":
        return example["tensor"], example["output"], golden["tolerances"]["output"]
    (tensor,) = example["tensors"].values()
    (output,) = example["outputs"].values()
    (tolerance,) = golden["tolerances"]["outputs"].values()
    return tensor, output["values"], tolerance


def _tensor(stored: dict[str, Any]) -> np.ndarray[Any, Any]:
    content = base64.b64decode(stored["data"])
    return np.frombuffer(content, np.dtype(stored["dtype"]).newbyteorder("<")).reshape(
        stored["shape"]
    )


@pytest.mark.parametrize("bundle", KEPT, ids=_name)
def test_todays_sample_runs_it(bundle: Path, tmp_path: Path) -> None:
    sample = tmp_path / "classify.py"
    sample.write_bytes(samples.render(_manifest(bundle), _files(bundle))["classify.py"])
    command = [sys.executable, "-I", str(sample), "--bundle", str(bundle), "--check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

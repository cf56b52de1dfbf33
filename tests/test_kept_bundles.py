"""Bundles of earlier releases, in tests/bundles/: the current code verifies and runs them."""

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
from edgebake.cli import verify
from edgebake.cli.verify import VerifyOptions
from edgebake.runtimes.session import Tensor, single_output

KEPT = sorted((Path(__file__).parent / "bundles").glob("v*/*.zip"))
# A device of each platform, and the target that it got from the first bundle on.
DEVICES = {
    "android": (
        Facts("34", "Tensor G3", 7600, frozenset(), "google/shiba", frozenset({"npu", "cpu"})),
        "pixel_8",
    ),
    "linux": (Facts("2.36", "BCM2712", 4000), "raspberry_pi_5"),
}
ANY = {"android": (Facts("23"), "android_any"), "linux": (Facts("2.31"), "linux_any")}


def _files(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _manifest(bundle: Path) -> Any:
    return json.loads(_files(bundle)["manifest.json"])


def test_bundles_are_kept() -> None:
    assert {bundle.relative_to(bundle.parents[1]).as_posix() for bundle in KEPT} >= {
        "v1/android.zip",
        "v1/linux.zip",
    }


@pytest.mark.parametrize("bundle", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_it_is_verified(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where no release says what it thinks of licenses today
    output = io.StringIO()
    verify.verify(
        VerifyOptions(bundle, public_key=bundle.parent / "release.pub.pem"),
        Console(file=output, width=200),
    )
    lines = output.getvalue().splitlines()
    assert lines[-2] == (
        "companions  samples NOT covered by this provenance, which an older edgebake made; "
        "no measurements here"
    )
    assert lines[-1] == f"digits 1.0.0 for {bundle.stem}: sound"


@pytest.mark.parametrize("bundle", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_devices_get_what_they_got(bundle: Path) -> None:
    for facts, target in (DEVICES[bundle.stem], ANY[bundle.stem]):
        assert resolve(_manifest(bundle), facts)[0].target == target


@pytest.mark.parametrize("bundle", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_model_answers_its_golden_vectors(bundle: Path) -> None:
    files, content = _files(bundle), _manifest(bundle)
    for target in content["targets"].values():
        runtime = importlib.import_module(f"edgebake.runtimes.{target['runtime']}")
        runner = importlib.import_module(f"edgebake.runtimes.{target['runtime']}.run")
        session = runner.load({runtime.FILE: files[target["model"]]}, 1)
        golden = json.loads(files[target["golden"]])
        assert len(golden["examples"]) >= 3
        for example in golden["examples"]:
            session.feed({"image": Tensor(**target["input"]).to_real(_tensor(example["tensor"]))})
            session.invoke()
            assert (
                np.abs(single_output(session.read())[0] - example["output"]).max()
                <= golden["tolerances"]["output"]
            )


def _tensor(stored: dict[str, Any]) -> np.ndarray[Any, Any]:
    content = base64.b64decode(stored["data"])
    return np.frombuffer(content, np.dtype(stored["dtype"]).newbyteorder("<")).reshape(
        stored["shape"]
    )


@pytest.mark.parametrize("bundle", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_todays_sample_runs_it(bundle: Path, tmp_path: Path) -> None:
    sample = tmp_path / "classify.py"
    sample.write_bytes(samples.render(_manifest(bundle), _files(bundle))["classify.py"])
    command = [sys.executable, "-I", str(sample), "--bundle", str(bundle), "--check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

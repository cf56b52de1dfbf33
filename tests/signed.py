"""A small signed bundle for Linux, made by the real stages from findings laid out by hand."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import chdir
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from edgebake import artifacts
from edgebake.bundle import manifest
from edgebake.bundle.trust import keys, proof, signing
from edgebake.cli import keygen
from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan
from edgebake.stages import proof as proof_stage
from tests import measured
from tests.stages import alone

ROOT = Path(__file__).parents[1]
# As ONNX files begin and end: the version, then a producer of 13 letters.
MODELS = {
    "digits-ds_cnn-int8-onnxruntime": b"\x08\x0a\x12\x0dan int8 model",
    "digits-ds_cnn-onnxruntime": b"\x08\x0a\x12\x0da float model",
}
# As DVC leaves it: an entry for each stage that leads to a file.
LOCK = {
    "schema": "2.0",
    "stages": {
        f"convert@{name}": {
            "cmd": f"python -m edgebake convert {name}",
            "outs": [
                {
                    "path": f"artifacts/convert/{name}",
                    "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
                }
            ],
        }
        for name, content in MODELS.items()
    },
}


@dataclass(frozen=True)
class Signed:
    """A bundle, what lies beside it, and the key that verifies it."""

    folder: Path
    zip: Path
    proof: Path
    key: Path

    def copied(self, to: Path) -> "Signed":
        """Return a copy in another folder, to be damaged."""
        shutil.copytree(self.folder.parent, to / "package")
        package = to / "package"
        return replace(
            self, folder=package / "linux", zip=package / "linux.zip", proof=package / "linux.proof"
        )


def make(
    root: Path,
    planned: Plan,
    *,
    right: int = 970,
    signed: bool = True,
    key: Path | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Signed:
    """Return a bundle in an empty folder, whose models predict `right` of 1,000 examples correctly.

    `key` signs it; the default is a new key. `files` are of validate's folders, in addition to the
    others or instead of them.
    """
    shutil.copytree(ROOT / "LICENSES", root / "LICENSES")
    (root / "dvc.lock").write_text(yaml.safe_dump(LOCK))
    private = key or root / "release.pem"
    with chdir(root):
        planner.write(planned)
        if not key:
            keygen.keygen(private, encryption=False)
        public = private.with_name(f"{private.stem}.pub.pem")
        if signed:
            _set({"signature": {"key": f"file:{private}", "public_key": str(public)}})
            _set({"public_key_sha256": artifacts.sha256(public.read_bytes())})
        artifacts.write(artifacts.ROOT / "revision/linux.json", json.dumps(alone.REVISION).encode())
        measured.lay_parity("linux", {})
        for name, content in MODELS.items():
            laid = {"files/model.onnx": content, **(files or {})}
            measured.lay(f"{name}-linux", "linux", right=right, files=laid)
        alone.run("package", "linux")
        proof_stage.write("linux")
        if signed:
            _sign(private, public)
    package = root / "artifacts/package"
    return Signed(package / "linux", package / "linux.zip", package / "linux.proof", public)


def _sign(private: Path, public: Path) -> None:
    """Sign the bundle as `edgebake release` does."""
    bundle = artifacts.folder("package", "linux")
    signer = keys.load_signer(f"file:{private}", public)
    with artifacts.publish(proof.proof_folder(bundle)) as out:
        signing.sign(bundle, out, signer)


def _set(params: dict[str, Any]) -> None:
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["package"]["linux"] |= params
    Path("params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def rewrite(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest, then update its list of files and SHA256SUMS to match."""
    content = json.loads((folder / manifest.FILE).read_text())
    entries = {file["path"]: file for file in content["files"]}
    unlisted = {
        name: data for name, data in artifacts.read_files(folder).items() if name not in entries
    }
    for name, data in artifacts.read_files(folder).items():
        if name not in (manifest.FILE, artifacts.SUMS):
            entries[name] = {
                **entries.get(name, {}),
                "path": name,
                "sha256": artifacts.sha256(data),
                "size": len(data),
            }
    content["files"] = [entries[name] for name in sorted(entries)]
    assert unlisted.keys() >= {manifest.FILE, artifacts.SUMS}
    edit(content)
    (folder / manifest.FILE).write_text(json.dumps(content))
    (folder / artifacts.SUMS).write_text(artifacts.sums(folder))

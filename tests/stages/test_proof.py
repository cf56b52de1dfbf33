"""The proof of a bundle: atomic, of this bundle, and unsigned whatever key the release has."""

import hashlib
import json
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake import artifacts
from edgebake.bundle.archive import zip_folder
from edgebake.bundle.trust import keys, provenance
from edgebake.data.sources import digits
from edgebake.errors import ArtifactError, DataError, EdgebakeError, HostError, ProofError
from edgebake.plan import planner
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import Plan
from edgebake.stages import proof
from tests.bundle import made
from tests.bundle.signing import key

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROOF = Path("artifacts/package/linux.proof")
BUNDLE = Path("artifacts/package/linux")
MODELS = {"models/a.onnx": b"an onnx model", "models/a.labels.txt": b"0\n1\n"}
TARGETS = {
    "raspberry_pi_5": {"keras": "3.15.1"},
    "linux_any": {"keras": "3.15.1", "onnxruntime": "1.30.0"},
}


@pytest.fixture
def packaged(tmp_path: Path, planned: Plan, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the plan, its lock, its data and an unsigned bundle; the test runs in it."""
    monkeypatch.chdir(tmp_path)
    planner.write(planned)
    _lay_lock()
    _lay_bundle("unsigned")
    return tmp_path


def _lay_lock() -> None:
    """Write what DVC does of the stages that the plan has."""
    before = {"convert": "quantize", "quantize": "prune", "prune": "train"}
    stages = {}
    for stage in ("train", *reversed(before)):
        for name, section in stage_params.read_plan()[stage].items():
            found = (
                [f"artifacts/{before[stage]}/{section[before[stage]]}/model.keras"]
                if stage in before
                else []
            )
            stages[f"{stage}@{name}"] = {
                "cmd": f"python -m edgebake {stage} {name}",
                "deps": [{"path": path, "md5": "0"} for path in found],
                "outs": [{"path": f"artifacts/{stage}/{name}", "md5": "0"}],
            }
    proof.LOCK.write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


RECIPES = {"raspberry_pi_5": "a" * 64, "linux_any": "b" * 64}
SAMPLE_SUMS = f"{artifacts.sha256(b'pass')}  classify.py\n".encode()


def _lay_bundle(signed_by: Any) -> None:
    files = [
        {"path": path, "sha256": artifacts.sha256(data), "size": len(data)}
        for path, data in MODELS.items()
    ]
    content = {
        **made.content(),
        "platform": "linux",
        "signature": signed_by,
        "source": {"git_commit": COMMIT, "dirty": False},
        "targets": {
            name: {
                **made.target("onnxruntime", "models/a.onnx", tools),
                "recipe_sha256": RECIPES[name],
            }
            for name, tools in TARGETS.items()
        },
        "files": [*files, {"path": "NOTICE", "sha256": artifacts.sha256(b"none"), "size": 4}],
    }
    with artifacts.publish(BUNDLE) as out:
        artifacts.write_files(
            out, {**MODELS, "NOTICE": b"none", "manifest.json": json.dumps(content).encode()}
        )
    artifacts.write(BUNDLE.with_name("linux.zip"), zip_folder(BUNDLE))
    artifacts.write(BUNDLE.with_name("linux.measurements.json"), b"{}")
    with artifacts.publish(BUNDLE.with_name("linux.samples")) as out:
        artifacts.write_files(out, {"classify.py": b"pass"})


def _ask(private: Path, public: Path) -> str:
    """Have the plan ask for a signature and the bundle announce it; return the name of the key."""
    content = stage_params.read_plan()
    content["package"]["linux"]["signature"] = {"key": f"file:{private}", "public_key": str(public)}
    stage_params.PARAMS.write_text(yaml.safe_dump(content, sort_keys=False))
    name = keys.key_id(keys.read_public_key(public))
    _lay_bundle({"algorithm": "ecdsa-sha2-nistp256", "key_id": name})
    return name


def _said(public: Path | None = None) -> Any:
    return provenance.unseal((PROOF / "provenance.json").read_bytes(), public)


def _dependency(name: str) -> Any:
    found = _said()["predicate"]["buildDefinition"]["resolvedDependencies"]
    return next(one for one in found if one["name"] == name)


def _refused(kind: type[EdgebakeError]) -> str:
    with pytest.raises(kind) as refused:
        proof.write("linux")
    return str(refused.value)


def _names() -> list[str]:
    return sorted(artifacts.read_files(PROOF))


def test_an_unsigned_bundle_has_unsigned_provenance(packaged: Path) -> None:
    assert proof.write("linux") == "unsigned, as recipes/release.yaml says"
    assert _names() == ["SHA256SUMS", "provenance.json"]
    assert json.loads((PROOF / "provenance.json").read_text())["signatures"] == []


@pytest.mark.parametrize("content", [b"#!/bin/sh\n", b"not a zip"])
def test_an_archive_that_is_not_of_the_bundle_is_not_signed(packaged: Path, content: bytes) -> None:
    archive = BUNDLE.with_name("linux.zip")
    archive.write_bytes(content + archive.read_bytes())
    assert _refused(ArtifactError) == (
        f"{archive}: not the archive of {BUNDLE}; it was changed: run `dvc repro --force`"
    )
    assert not PROOF.exists()


def test_provenance_is_of_the_archive_what_lies_beside_it_the_manifest_and_all_files_of_models(
    packaged: Path,
) -> None:
    proof.write("linux")
    assert {one["name"]: one["digest"]["sha256"] for one in _said()["subject"]} == {
        "linux.measurements.json": artifacts.sha256(b"{}"),
        "linux.samples/SHA256SUMS": artifacts.sha256(SAMPLE_SUMS),
        "linux.samples/classify.py": artifacts.sha256(b"pass"),
        "linux.zip": artifacts.sha256(BUNDLE.with_name("linux.zip").read_bytes()),
        "manifest.json": artifacts.sha256((BUNDLE / "manifest.json").read_bytes()),
        **{path: artifacts.sha256(data) for path, data in MODELS.items()},
    }


def test_a_changed_sample_is_not_signed(packaged: Path) -> None:
    sample = BUNDLE.with_name("linux.samples") / "classify.py"
    sample.write_bytes(b"import os")
    with pytest.raises(ArtifactError) as refused:
        proof.write("linux")
    assert str(refused.value).startswith(f"{sample}: not what package wrote")


@pytest.mark.parametrize("name", ["linux.zip", "linux.samples", "linux.measurements.json"])
def test_a_build_without_all_that_lies_beside_is_not_signed(packaged: Path, name: str) -> None:
    output = BUNDLE.with_name(name)
    output.rename(output.with_name("gone"))
    with pytest.raises(ArtifactError) as refused:
        proof.write("linux")
    assert str(refused.value) == (
        f"{output}: not found; the stage package writes it: run `dvc repro`"
    )


def test_provenance_says_what_the_bundle_was_built_from(packaged: Path) -> None:
    proof.write("linux")
    definition, run = _said()["predicate"]["buildDefinition"], _said()["predicate"]["runDetails"]
    assert provenance.commit(_said()) == COMMIT
    assert definition["internalParameters"] == {"dirty": False}
    asked = definition["externalParameters"]
    assert asked["recipes"] == {
        "raspberry_pi_5": {"sha256": "a" * 64},
        "linux_any": {"sha256": "b" * 64},
    }
    part = json.dumps(
        stage_params.read_plan()["package"]["linux"], sort_keys=True, separators=(",", ":")
    )
    assert asked["params"] == {"sha256": hashlib.sha256(part.encode()).hexdigest()}
    assert _dependency("onnxruntime") == {
        "name": "onnxruntime",
        "uri": "pkg:pypi/onnxruntime@1.30.0",
    }
    assert run["builder"]["version"] == {"edgebake": version("edgebake")}


def test_data_inside_an_installed_package_are_named_by_their_own_file(packaged: Path) -> None:
    proof.write("linux")
    assert _dependency("digits.csv.gz") == {
        "name": "digits.csv.gz",
        "uri": "https://doi.org/10.24432/C50P49",
        "digest": {"sha256": artifacts.sha256(digits.bundled_file().read_bytes())},
    }


def test_data_in_a_file_are_named_by_its_path_and_sha256(packaged: Path) -> None:
    artifacts.write(Path("data/mine.npz"), b"images")
    _learn_from("data/mine.npz")
    proof.write("linux")
    assert _dependency("data/mine.npz") == {
        "name": "data/mine.npz",
        "uri": "https://doi.org/10.24432/C50P49",
        "digest": {"sha256": artifacts.sha256(b"images")},
    }


def _learn_from(path: str) -> None:
    content = stage_params.read_plan()
    for section in content["train"].values():
        section["data"]["path"] = path
    stage_params.PARAMS.write_text(yaml.safe_dump(content, sort_keys=False))


def test_data_in_a_folder_is_named_as_sha256sum_would_and_by_dvcs_hash(packaged: Path) -> None:
    artifacts.write_files(Path("data/images"), {"b/1.png": b"1", "a.png": b"2", "Z.png": b"3"})
    Path("data/images.dvc").write_text("outs:\n- md5: 0123.dir\n  path: images\n")
    _learn_from("data/images")
    proof.write("linux")
    command = (
        "find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum | cut -f1 -d' '"
    )
    found = subprocess.run(  # noqa: S602 - the command is the one of the in-toto specification
        command, shell=True, cwd="data/images", capture_output=True, text=True, check=True
    )
    assert _dependency("data/images")["digest"] == {"dirHash": found.stdout.strip()}
    assert _dependency("data/images")["annotations"] == {"dvc": "0123.dir"}


def test_data_below_a_folder_that_dvc_tracks_is_tracked(packaged: Path) -> None:
    artifacts.write_files(Path("data/all/train"), {"a.png": b"2"})
    Path("data/all.dvc").write_text("outs:\n- md5: 4567.dir\n  path: all\n")
    _learn_from("data/all/train")
    proof.write("linux")
    assert _dependency("data/all/train")["annotations"] == {"dvc": "4567.dir"}


def test_where_data_lies_on_this_machine_is_not_told(packaged: Path) -> None:
    artifacts.write_files(packaged / "outside", {"a.png": b"2"})
    _learn_from(str(packaged / "outside"))
    proof.write("linux")
    assert "dirHash" in _dependency("outside")["digest"]
    assert str(packaged) not in json.dumps(_said())


def test_data_that_is_gone_is_named(packaged: Path) -> None:
    _learn_from("data/gone.npz")
    assert _refused(DataError) == "data/gone.npz: not found; expected the training data: `dvc pull`"
    assert not PROOF.exists()


def test_a_stage_does_not_sign_and_needs_no_private_key(packaged: Path, tmp_path: Path) -> None:
    """What DVC builds may come from a run cache that others write."""
    private, public = key(tmp_path / "keys")
    _ask(private, public)
    private.unlink()
    assert proof.write("linux") == "unsigned: `edgebake release` builds from the commit and signs"
    assert _names() == ["SHA256SUMS", "provenance.json"]
    assert provenance.commit(_said()) == COMMIT
    with pytest.raises(ProofError, match=r"^provenance: signed by no key; expected key "):
        _said(public)


def test_the_same_bundle_has_the_same_proof(packaged: Path, tmp_path: Path) -> None:
    _ask(*key(tmp_path / "keys"))
    proof.write("linux")
    first = artifacts.read_files(PROOF)
    proof.write("linux")
    assert artifacts.read_files(PROOF) == first


def test_a_bundle_that_announces_another_signer_is_not_signed(
    packaged: Path, tmp_path: Path
) -> None:
    name = _ask(*key(tmp_path / "keys"))
    _lay_bundle("unsigned")
    assert _refused(ArtifactError) == (
        "manifest.json of linux: to be signed by nobody; params.yaml says key "
        f"{name[:16]}: run `dvc repro`"
    )
    assert not PROOF.exists()


def test_a_public_key_that_is_gone_leaves_the_proof_that_was_there(
    packaged: Path, tmp_path: Path
) -> None:
    private, public = key(tmp_path / "keys")
    _ask(private, public)
    proof.write("linux")
    before = artifacts.read_files(PROOF)
    public.unlink()
    assert _refused(HostError) == (f"{public}: not found; expected a public key, as PEM")
    assert artifacts.read_files(PROOF) == before


def test_a_damaged_bundle_is_not_signed(packaged: Path) -> None:
    (BUNDLE / "models/a.onnx").write_bytes(b"another model")
    assert "artifacts/package/linux/models/a.onnx: not what package wrote" in _refused(
        ArtifactError
    )


def test_a_bundle_without_its_archive_is_not_signed(packaged: Path) -> None:
    BUNDLE.with_name("linux.zip").unlink()
    assert (
        _refused(ArtifactError)
        == "artifacts/package/linux.zip: not found; the stage package writes it: run `dvc repro`"
    )


def test_a_build_without_dvcs_record_is_not_signed(packaged: Path) -> None:
    proof.LOCK.unlink()
    assert _refused(ArtifactError) == (
        "dvc.lock: not found; expected the lock file of a build: run `dvc repro`"
    )


def test_a_record_of_dvc_that_is_not_yaml_is_not_signed(packaged: Path) -> None:
    proof.LOCK.write_text("stages:\n  a:\t\n\t b: 1\n")
    assert _refused(ArtifactError) == (
        "dvc.lock: line 3: not YAML: a tab; expected spaces; `edgebake build` writes it anew"
    )

"""The proof beside a bundle: what it was built from, and, where the release says so, who vouches for it.

Reads artifacts/package/<platform>/ and <platform>.zip, params.yaml, dvc.lock, and the data that was learned from.
Writes artifacts/package/<platform>.proof/ with provenance.json and, where it is signed, model.sig.
"""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from edgebake import artifacts, plugins
from edgebake.bundle import manifest
from edgebake.bundle.archive import zip_folder
from edgebake.bundle.lineage import trace
from edgebake.bundle.manifest_types import Manifest
from edgebake.bundle.trust import dvc_lock, keys, proof, provenance, signature
from edgebake.bundle.trust.dvc_lock import DvcLock
from edgebake.bundle.trust.provenance import BuildRecord, TrainingData
from edgebake.errors import ArtifactError, DataError
from edgebake.recipe import Signature, stage_params
from edgebake.recipe.stage_params import PackageParams

LOCK = Path("dvc.lock")
SIGN_TOOLS = ("model-signing", "securesystemslib")
URI = re.compile(
    r"[a-z][a-z0-9+.-]*:"
)  # in-toto asks for one; a recipe may say in words where data is from


def write(platform: str) -> str:
    """Write the proof of a platform's bundle, whole or not at all, and return by whom it is.

    Raises:
        ArtifactError: there is no bundle, or one of another plan.
        DataError: the data that was learned from is gone.
        HostError: the key cannot be had, or cannot sign.
    """
    section: PackageParams = stage_params.read("package", platform)
    bundle = artifacts.opened(artifacts.folder("package", platform))
    content = json.loads((bundle / manifest.FILE).read_text())
    signer = _signer(section.signature, content)
    said = provenance.build_statement(_build(section, platform, content))
    with artifacts.published(proof.proof_folder(bundle)) as out:
        (out / proof.PROVENANCE).write_bytes(provenance.seal(said, signer))
        if signer:
            signature.sign(bundle, out / proof.SIGNATURE, signer)
    return (
        f"signed by {keys.key_id(signer.public_key)[:16]}"
        if signer
        else "unsigned, as recipes/release.yaml says"
    )


def _signer(asked: Signature | None, content: Manifest) -> keys.Signer | None:
    signer = keys.load_signer(asked.key, Path(asked.public_key)) if asked else None
    planned = keys.key_id(signer.public_key) if signer else None
    packaged = manifest.signing_key_id(content)
    if planned != packaged:
        names = [f"key {found[:16]}" if found else "nobody" for found in (packaged, planned)]
        raise ArtifactError(
            f"{manifest.FILE} of {content['platform']}: to be signed by {names[0]}; params.yaml says {names[1]}: "
            "run `dvc repro`"
        )
    return signer


def _build(section: PackageParams, platform: str, content: Manifest) -> BuildRecord:
    plan = stage_params.read_plan()
    chains = [trace(plan, target.validate) for target in section.targets.values()]
    converts = [chain["validate"]["convert"] for chain in chains]
    used = {
        name: found
        for target in content["targets"].values()
        for name, found in target["tools"].items()
    }
    tools = {**section.tools, **plugins.tools(*SIGN_TOOLS), **used}
    return BuildRecord(
        platform=platform,
        subjects=_subjects(platform, content),
        git_commit=content["source"]["git_commit"],
        dirty=content["source"]["dirty"],
        recipes={name: target["recipe_sha256"] for name, target in content["targets"].items()},
        params=sha256(provenance.canonical(plan["package"][platform])).hexdigest(),
        lock=dvc_lock.lock_digest(_lock(), converts),
        data=_data(section, chains),
        tools=tools,
        version=version("edgebake"),
    )


def _subjects(platform: str, content: Manifest) -> dict[str, str]:
    """Return the digest of the archive, the measurements, the manifest, and every file of a model, by its name."""
    folder = artifacts.folder("package", platform)
    archive = folder.with_name(f"{platform}.zip")
    beside = folder.with_name(f"{platform}.measurements.json")
    for file in (archive, beside):
        if not file.is_file():
            raise ArtifactError(f"{file}: not there; package makes it: run `dvc repro`")
    if archive.read_bytes() != zip_folder(folder):
        raise ArtifactError(
            f"{archive}: not the archive of {folder}; somebody changed it: run `dvc repro --force`"
        )
    models = {
        one["path"]: one["sha256"] for one in content["files"] if one["path"].startswith("models/")
    }
    beside_it = {file.name: artifacts.sha256_of(file) for file in (archive, beside)}
    return {**beside_it, manifest.FILE: artifacts.sha256_of(folder / manifest.FILE), **models}


def _lock() -> DvcLock:
    if not LOCK.is_file():
        raise ArtifactError(
            f"{LOCK}: not there; expected DVC's record of what was built: run `dvc repro`"
        )
    lock: DvcLock = yaml.safe_load(LOCK.read_text()) or {}
    return lock


def _data(section: PackageParams, chains: list[dict[str, Any]]) -> list[TrainingData]:
    """Return what the models of a platform, and their teachers, were trained on, each once."""
    origins = {
        _data_file(chain["train"]["data"]): one.source
        for target, chain in zip(section.targets.values(), chains, strict=True)
        for one in target.ingredients
        if one.kind == "data" and URI.match(one.source)
    }
    trained = [
        chain[word]
        for chain in chains
        for word in ("train", "teacher")
        if "data" in chain.get(word, {})
    ]
    paths = sorted({_data_file(one["data"]) for one in trained})
    return [_source(path, origins.get(path)) for path in paths]


def _data_file(data: dict[str, Any]) -> Path:
    """Return what data were read from: their path, or a file inside an installed package."""
    if data["path"] is not None:
        return Path(data["path"])
    bundled_file: Path = plugins.load("data.source", data["source"]).bundled_file()
    return bundled_file


def _source(path: Path, origin: str | None) -> TrainingData:
    if not path.exists():
        raise DataError(f"{path}: not there; expected the data that was learned from: `dvc pull`")
    digest = (
        {"dirHash": _dir_hash(path)} if path.is_dir() else {"sha256": artifacts.sha256_of(path)}
    )
    # Where somebody keeps data outside the project says nothing to others, and something about the machine.
    return TrainingData(
        path.name if path.is_absolute() else path.as_posix(), digest, origin, _tracked(path)
    )


def _tracked(path: Path) -> str | None:
    """Return the hash by which DVC tracks data, by the .dvc file beside it or beside a folder that it is in."""
    for one in (path, *path.parents):
        file = one.with_name(f"{one.name}.dvc") if one.name else None
        if file and file.is_file():
            found: str | None = yaml.safe_load(file.read_text())["outs"][0].get("md5")
            return found
    return None


def _dir_hash(folder: Path) -> str:
    """Return in-toto's dirHash of a folder, which is `sha256sum` of the lines of `sha256sum` over all of its files.

    Source: https://github.com/in-toto/attestation/blob/main/spec/v1/digest_set.md.
    """
    return sha256("".join(_lines(folder)).encode()).hexdigest()


def _lines(folder: Path) -> Iterator[str]:
    files = {
        file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()
    }
    for name in sorted(files, key=str.encode):
        yield f"{artifacts.sha256_of(files[name])}  {name}\n"

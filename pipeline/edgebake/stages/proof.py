"""Write the provenance of a bundle, unsigned: `edgebake release` signs what it builds itself.

Reads artifacts/package/<platform>/, what `package` wrote next to it, params.yaml, dvc.lock, and the
training data. Writes artifacts/package/<platform>.proof/ with provenance.json.
"""

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edgebake import artifacts, plugins
from edgebake.bundle import manifest
from edgebake.bundle.archive import zip_folder
from edgebake.bundle.manifest_types import Manifest
from edgebake.bundle.trust import companions, dvc_lock, keys, proof, provenance
from edgebake.bundle.trust.dvc_lock import DvcLock
from edgebake.bundle.trust.provenance import BuildRecord, TrainingData
from edgebake.errors import ArtifactError, DataError
from edgebake.recipe import release_file, stage_params
from edgebake.recipe.lineage import trace
from edgebake.recipe.stage_params import PackageParams

LOCK = Path("dvc.lock")
PROOF_TOOLS = ("cryptography", "securesystemslib")
# in-toto requires a URI; a recipe may describe the source of its data in words instead.
URI = re.compile(r"[a-z][a-z0-9+.-]*:")

Lineage = dict[str, dict[str, Any]]  # parameters of the stages that led to a target


def write(platform: str) -> str:
    """Write the proof of a platform's bundle atomically, and return a line about it.

    The build may come from DVC's run cache or remote, and from files that no commit holds, so no
    stage signs.

    Raises:
        ArtifactError: there is no bundle, or it was built from another plan.
        DataError: the training data is missing.
    """
    params: PackageParams = stage_params.read("package", platform)
    bundle = artifacts.verify(artifacts.folder("package", platform))
    content = artifacts.read_json(bundle / manifest.FILE, Manifest)
    _check_signing_key(params, content)
    record = _build_record(params, platform, content)
    statement = provenance.build_statement(record)
    with artifacts.publish(proof.proof_folder(bundle)) as out:
        provenance_file = out / proof.PROVENANCE
        provenance_file.write_bytes(provenance.seal(statement, None))
    if params.signature is None:
        return f"unsigned, as {release_file.path()} says"
    return "unsigned: `edgebake release` builds from the commit and signs"


def _check_signing_key(params: PackageParams, content: Manifest) -> None:
    """Check that the manifest names the release's key; its private half is not needed."""
    planned = None
    if params.signature:
        public_key = keys.read_public_key(Path(params.signature.public_key))
        planned = keys.key_id(public_key)
    packaged = manifest.signing_key_id(content)
    if planned != packaged:
        raise ArtifactError(
            f"{manifest.FILE} of {content['platform']}: to be signed by {_key_name(packaged)}; "
            f"params.yaml says {_key_name(planned)}: run `dvc repro`"
        )


def _key_name(key_id: str | None) -> str:
    if key_id is None:
        return "nobody"
    return f"key {key_id[:16]}"


def _build_record(params: PackageParams, platform: str, content: Manifest) -> BuildRecord:
    plan = stage_params.read_plan()
    lineages = []
    converts = []
    for target_params in params.targets.values():
        lineage = trace(plan, target_params.validate)
        lineages.append(lineage)
        converts.append(lineage["validate"]["convert"])
    tools = {**params.tools, **plugins.tools(*PROOF_TOOLS)}
    recipes = {}
    for name, target in content["targets"].items():
        tools |= target["tools"]
        recipes[name] = target["recipe_sha256"]
    platform_plan = provenance.canonical(plan["package"][platform])
    revision = content["source"]
    return BuildRecord(
        platform=platform,
        subjects=_subject_digests(platform, content),
        git_commit=revision["git_commit"],
        dirty=revision["dirty"],
        recipes=recipes,
        params=artifacts.sha256(platform_plan),
        lock=dvc_lock.lock_digest(_read_lock(), converts),
        data=_training_data(params, lineages),
        tools=tools,
        version=version("edgebake"),
    )


def _subject_digests(platform: str, content: Manifest) -> dict[str, str]:
    """Return the digests of the archive, all files beside it, the manifest and all model files."""
    folder = artifacts.folder("package", platform)
    archive = folder.with_name(f"{platform}.zip")
    measurements = companions.measurements_file(folder)
    samples = companions.samples_folder(folder)
    for output in (archive, measurements, samples):
        if not output.exists():
            problem = f"{output}: not found; the stage package writes it"
            raise ArtifactError(f"{problem}: run `dvc repro`")
    if archive.read_bytes() != zip_folder(folder):
        raise ArtifactError(
            f"{archive}: not the archive of {folder}; it was changed: run `dvc repro --force`"
        )
    artifacts.verify(samples)
    digests = {
        archive.name: artifacts.sha256_of(archive),
        manifest.FILE: artifacts.sha256_of(folder / manifest.FILE),
        **companions.digests(folder, platform),
    }
    for entry in content["files"]:
        path = entry["path"]
        if path.startswith("models/"):
            digests[path] = entry["sha256"]
    return digests


def _read_lock() -> DvcLock:
    if not LOCK.is_file():
        raise ArtifactError(
            f"{LOCK}: not found; expected the lock file of a build: run `dvc repro`"
        )
    return dvc_lock.read(LOCK)


def _training_data(params: PackageParams, lineages: list[Lineage]) -> list[TrainingData]:
    """Return the training data of all models and their teachers, each dataset once."""
    uris: dict[Path, str] = {}
    paths: set[Path] = set()
    for target, lineage in zip(params.targets.values(), lineages, strict=True):
        train_path = _data_path(lineage["train"]["data"])
        paths.add(train_path)
        # The plan may lack the teacher's parameters.
        teacher = lineage.get("teacher", {})
        if "data" in teacher:
            paths.add(_data_path(teacher["data"]))
        for component in target.ingredients:
            if component.kind == "data" and URI.match(component.source):
                uris[train_path] = component.source
    descriptions = []
    for path in sorted(paths):
        description = _describe_data(path, uris.get(path))
        descriptions.append(description)
    return descriptions


def _data_path(data: dict[str, Any]) -> Path:
    """Return the path of a dataset, or a file inside an installed package."""
    if data["path"] is not None:
        return Path(data["path"])
    source = plugins.load("data.source", data["source"])
    bundled_file: Path = source.bundled_file()
    return bundled_file


def _describe_data(path: Path, uri: str | None) -> TrainingData:
    if not path.exists():
        raise DataError(f"{path}: not found; expected the training data: `dvc pull`")
    # The folders of data outside the project mean nothing to others, and describe the machine.
    name = path.as_posix()
    if path.is_absolute():
        name = path.name
    return TrainingData(name, _data_digest(path), uri, _dvc_hash(path))


def _data_digest(path: Path) -> dict[str, str]:
    if path.is_dir():
        return {"dirHash": _dir_hash(path)}
    return {"sha256": artifacts.sha256_of(path)}


def _dvc_hash(path: Path) -> str | None:
    """Return the hash in the .dvc file next to a dataset or to a folder that contains it."""
    for folder in (path, *path.parents):
        if not folder.name:
            continue
        file = folder.with_name(f"{folder.name}.dvc")
        if file.is_file():
            outputs = dvc_lock.read_dvc_file(file)["outs"]
            return outputs[0].get("md5") if outputs else None
    return None


def _dir_hash(folder: Path) -> str:
    """Return in-toto's dirHash of a folder: the sha256 of the output of `sha256sum` on its files.

    Source: https://github.com/in-toto/attestation/blob/main/spec/v1/digest_set.md.
    """
    output = "".join(_sha256sum_lines(folder))
    return artifacts.sha256(output.encode())


def _sha256sum_lines(folder: Path) -> Iterator[str]:
    files = {}
    for file in folder.rglob("*"):
        if file.is_file():
            name = file.relative_to(folder).as_posix()
            files[name] = file
    for name in sorted(files, key=str.encode):
        digest = artifacts.sha256_of(files[name])
        yield f"{digest}  {name}\n"

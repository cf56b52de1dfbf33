"""Build a release from its commit, and sign it.

Reads the commit that is checked out, and DVC's cache of tracked data. Writes artifacts/release/:
the bundles of every platform with their proofs, as a whole or not at all. The build is told no
signing key, and signing runs nothing of the build.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from edgebake import artifacts
from edgebake.bundle import manifest
from edgebake.bundle.archive import zip_folder
from edgebake.bundle.manifest_types import Manifest
from edgebake.bundle.trust import git, keys, proof, signing
from edgebake.errors import ArtifactError, HostError, ProofError
from edgebake.execution import fresh_build
from edgebake.recipe import Signature
from edgebake.recipe.stage_params import PARAMS, parse_plan

FOLDER = artifacts.ROOT / "release"
PACKAGE = artifacts.ROOT / "package"
NOT_RELEASED = (".log", ".gitignore")  # of what stages write next to bundles


def build() -> str:
    """Build every bundle of the commit that is checked out, and return a line about them.

    Raises:
        ProofError: the commit does not build, or a bundle is not of the commit alone.
        DataError: the data are not those that the commit names.
        HostError: git or DVC fails, or the encryption key is missing.
    """
    commit = git.head()
    with tempfile.TemporaryDirectory() as folder:
        clone = fresh_build.clone(commit, Path(folder))
        platforms = list(_committed_plan(commit)["package"])
        # Not all stages: what only the report reads, such as baselines, is no part of a release.
        fresh_build.build(clone, *(f"proof@{platform}" for platform in platforms))
        for platform in platforms:
            _refuse_dirty(clone, platform)
        with artifacts.publish(FOLDER) as out:
            for source in sorted((clone / PACKAGE).iterdir()):
                if not source.name.endswith(NOT_RELEASED):
                    _copy(source, out / source.name)
    return f"built {', '.join(platforms)} from commit {commit[:12]}"


def sign() -> str:
    """Sign every bundle of artifacts/release/, and return a line about the signer.

    Raises:
        ArtifactError: there is no release, it was changed, or it is of another commit.
        ProofError: the provenance of a bundle is of another build.
        HostError: the key cannot be read, or cannot sign.
    """
    commit = git.head()
    _check_release(commit)
    packages = _committed_plan(commit)["package"]
    if not any(params["signature"] for params in packages.values()):
        return "unsigned, as recipes/release.yaml says"
    key_ids = set()
    with artifacts.publish(FOLDER) as out:
        shutil.copytree(FOLDER, out, dirs_exist_ok=True)
        (out / artifacts.SUMS).unlink()
        for platform, params in packages.items():
            content = _read_manifest(platform, commit)
            signer = signing.load_signer(Signature(**params["signature"]), content)
            signing.sign(FOLDER / platform, out / proof.proof_folder(Path(platform)), signer)
            _write_sums(out / proof.proof_folder(Path(platform)))
            key_ids.add(keys.key_id(signer.public_key)[:16])
    return f"signed by {', '.join(sorted(key_ids))}"


def _committed_plan(commit: str) -> dict[str, Any]:
    """Return params.yaml as a commit has it.

    Raises:
        HostError: the commit has none.
    """
    text = git.committed(PARAMS)
    plan = parse_plan((text or "").encode())
    if not plan.get("package"):
        raise HostError(
            f"{PARAMS}: not in commit {commit[:12]}, or without bundles; "
            "expected it there: run `edgebake plan` and commit it"
        )
    return plan


def _refuse_dirty(clone: Path, platform: str) -> None:
    """Refuse a bundle whose data or public key are in no commit.

    Raises:
        ProofError: its manifest says `dirty`.
    """
    content: Manifest = artifacts.read_json(clone / PACKAGE / platform / manifest.FILE)
    if content["source"]["dirty"]:
        raise ProofError(
            f"{platform}: made from files that no commit holds; expected data and public key to "
            "be tracked by git or DVC: `edgebake revision` names the first that is not"
        )


def _check_release(commit: str) -> None:
    """Check that the release is complete, of a commit, and as it was built.

    Raises:
        ArtifactError: it is not.
    """
    if not (FOLDER / artifacts.SUMS).is_file():
        raise ArtifactError(f"{FOLDER}: not found; expected a release: run `edgebake release`")
    if (FOLDER / artifacts.SUMS).read_text() != artifacts.sums(FOLDER):
        raise ArtifactError(f"{FOLDER}: changed since it was built: run `edgebake release` again")
    for platform in _committed_plan(commit)["package"]:
        _read_manifest(platform, commit)


def _read_manifest(platform: str, commit: str) -> Manifest:
    """Return the manifest of a bundle that is of a commit alone, and whose zip is the same.

    Raises:
        ArtifactError: it is not.
    """
    bundle = FOLDER / platform
    if not (bundle / manifest.FILE).is_file():
        raise ArtifactError(f"{bundle}: not found; expected a bundle: run `edgebake release`")
    content: Manifest = artifacts.read_json(bundle / manifest.FILE)
    source = content["source"]
    if source["git_commit"] != commit or source["dirty"]:
        changed = ", changed" if source["dirty"] else ""
        raise ArtifactError(
            f"{bundle}: of commit {source['git_commit'][:12]}{changed}; expected {commit[:12]}, "
            "which is checked out: run `edgebake release`"
        )
    archive = bundle.with_name(f"{platform}.zip")
    if not archive.is_file() or archive.read_bytes() != zip_folder(bundle):
        raise ArtifactError(f"{archive}: not the archive of {bundle}: run `edgebake release` again")
    return content


def _write_sums(folder: Path) -> None:
    (folder / artifacts.SUMS).write_text(artifacts.sums(folder))


def _copy(source: Path, destination: Path) -> None:
    """Copy a file or folder; DVC may have made links into its cache."""
    if source.is_dir():
        shutil.copytree(source, destination)
    else:
        shutil.copyfile(source, destination)

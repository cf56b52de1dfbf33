"""Who vouches for a bundle, and for how it came to be: the folder <platform>.proof that lies beside it.

It lies beside the bundle and not in it: it is about the bundle's bytes, and those are the same whoever signs them.
"""

from pathlib import Path
from typing import Any

from edgebake import artifacts
from edgebake.bundle import manifest
from edgebake.bundle.trust import keys, provenance, signature
from edgebake.errors import ProofError

SIGNATURE = "model.sig"
PROVENANCE = "provenance.json"


def proof_folder(bundle: Path) -> Path:
    """Return where the proof of a bundle lies."""
    place = bundle.resolve() if bundle.name in ("", "..") else bundle
    return place.with_name(f"{place.name.removesuffix('.zip')}.proof")


def check_signature(
    folder: Path, proof: Path, content: dict[str, Any], public_key: Path | None
) -> str:
    """Hold a bundle against its signature, and return by whom it is.

    Raises:
        ProofError: it is by another key, or of another bundle.
    """
    if public_key is None:
        return "none, as the manifest says"
    found, said = keys.key_id(keys.read_public_key(public_key)), content["signature"]["key_id"]
    if found != said:
        raise ProofError(
            f"{public_key}: this is key {found[:16]}; the manifest says that {said[:16]} signs it"
        )
    signature.verify(folder, proof / SIGNATURE, public_key)
    return f"OpenSSF model signature by key {found[:16]}"


def read_provenance(proof: Path, public_key: Path | None) -> dict[str, Any]:
    """Return what provenance says of a build, its signature checked where there is a key.

    Raises:
        ProofError: it is missing, or not by this key.
    """
    file = proof / PROVENANCE
    if not file.is_file():
        raise ProofError(
            f"{file}: not there; expected the provenance of the bundle (--proof FOLDER if elsewhere)"
        )
    if file.stat().st_size > signature.MOST_BYTES:
        raise ProofError(
            f"{file}: {file.stat().st_size:,} bytes; expected at most {signature.MOST_BYTES:,}"
        )
    return provenance.unseal(file.read_bytes(), public_key)


def check_provenance(
    bundle: Path, folder: Path, content: dict[str, Any], statement: dict[str, Any]
) -> str:
    """Hold a bundle against what its provenance is of, and return where it is from.

    Raises:
        ProofError: the provenance is of another build, or says something else than the manifest.
    """
    subjects = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    models = [file["path"] for file in content["files"] if file["path"].startswith("models/")]
    for name in sorted({manifest.FILE, *models}):
        if subjects.get(name) != artifacts.sha256((folder / name).read_bytes()):
            raise ProofError(f"{PROVENANCE}: of another build: it is not about this {name}")
    archive = f"{content['platform']}.zip"
    if bundle.is_file() and subjects.get(archive) != artifacts.sha256(bundle.read_bytes()):
        raise ProofError(f"{PROVENANCE}: of another build: it is not about this {archive}")
    _hold_words(content, statement)
    commit = content["source"]["git_commit"]
    return f"SLSA v1, {len(subjects)} subjects, commit {commit[:12]}{', changed' if content['source']['dirty'] else ''}"


def _hold_words(content: dict[str, Any], statement: dict[str, Any]) -> None:
    """Hold all that provenance says of a build, and the manifest says too, against the manifest."""
    said = provenance.summary(statement)
    expected = {
        "buildType": provenance.BUILD_TYPE,
        "commit": content["source"]["git_commit"],
        "dirty": content["source"]["dirty"],
        "platform": content["platform"],
        "recipes": {name: target["recipe_sha256"] for name, target in content["targets"].items()},
    }
    for word, value in expected.items():
        if said[word] != value:
            raise ProofError(
                f"{PROVENANCE}: {word}: {said[word]!r:.100}; the manifest says {value!r:.100}"
            )

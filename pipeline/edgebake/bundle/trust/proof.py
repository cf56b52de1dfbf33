"""The proof of a bundle, the folder <platform>.proof beside it: its signature and its provenance.

It is not part of the bundle, whose bytes do not depend on who signs them.
"""

from pathlib import Path

from edgebake import artifacts
from edgebake.bundle import manifest
from edgebake.bundle.manifest_types import Manifest
from edgebake.bundle.trust import keys, provenance, signature
from edgebake.bundle.trust.slsa_types import Statement
from edgebake.errors import ProofError

SIGNATURE = "model.sig"
PROVENANCE = "provenance.json"


def proof_folder(bundle: Path) -> Path:
    """Return the folder with the proof of a bundle, a folder or a zip."""
    if bundle.name in ("", ".."):
        bundle = bundle.resolve()
    return bundle.with_name(f"{bundle.name.removesuffix('.zip')}.proof")


def check_signature(folder: Path, proof: Path, content: Manifest, public_key: Path | None) -> str:
    """Verify the signature of a bundle, and name its key.

    Args:
        folder: of the unpacked bundle.
        proof: folder of the bundle's proof.
        content: the bundle's manifest.
        public_key: to verify with; None: the bundle is unsigned.

    Raises:
        ProofError: another key signed it, or another bundle is signed.
    """
    if public_key is None:
        return "none, as the manifest says"
    key_id = keys.key_id(keys.read_public_key(public_key))
    expected = manifest.signing_key_id(content) or "no key"
    if key_id != expected:
        raise ProofError(
            f"{public_key}: this is key {key_id[:16]}; "
            f"the manifest says that {expected[:16]} signs it"
        )
    signature.verify(folder, proof / SIGNATURE, public_key)
    return f"OpenSSF model signature by key {key_id[:16]}"


def read_provenance(proof: Path, public_key: Path | None) -> Statement:
    """Return the provenance of a bundle, after verifying its signature if there is a key.

    Raises:
        ProofError: it is missing, or the key did not sign it.
    """
    file = proof / PROVENANCE
    if not file.is_file():
        raise ProofError(
            f"{file}: not found; "
            "expected the provenance of the bundle (--proof FOLDER if elsewhere)"
        )
    size = file.stat().st_size
    if size > signature.MAX_BYTES:
        raise ProofError(f"{file}: {size:,} bytes; expected at most {signature.MAX_BYTES:,}")
    return provenance.unseal(file.read_bytes(), public_key)


def check_provenance(bundle: Path, folder: Path, content: Manifest, statement: Statement) -> str:
    """Compare a bundle with its provenance, and name the commit that it is from.

    Args:
        bundle: the zip, or the folder itself.
        folder: of the unpacked bundle.
        content: the bundle's manifest.
        statement: the bundle's provenance.

    Raises:
        ProofError: the provenance is of another build, or contradicts the manifest.
    """
    digests = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    models = [file["path"] for file in content["files"] if file["path"].startswith("models/")]
    for path in sorted({manifest.FILE, *models}):
        if digests.get(path) != artifacts.sha256((folder / path).read_bytes()):
            raise ProofError(f"{PROVENANCE}: of another build: it does not describe this {path}")
    archive = f"{content['platform']}.zip"
    if bundle.is_file() and digests.get(archive) != artifacts.sha256(bundle.read_bytes()):
        raise ProofError(f"{PROVENANCE}: of another build: it does not describe this {archive}")
    _refuse_contradictions(content, statement)
    commit = content["source"]["git_commit"][:12]
    changed = ", changed" if content["source"]["dirty"] else ""
    return f"SLSA v1, {len(digests)} subjects, commit {commit}{changed}"


def _refuse_contradictions(content: Manifest, statement: Statement) -> None:
    """Compare all that both provenance and manifest say about a build."""
    stated = provenance.summarize(statement)
    recipes = {name: target["recipe_sha256"] for name, target in content["targets"].items()}
    expected = {
        "buildType": provenance.BUILD_TYPE,
        "commit": content["source"]["git_commit"],
        "dirty": content["source"]["dirty"],
        "platform": content["platform"],
        "recipes": recipes,
    }
    for key, value in expected.items():
        if stated[key] != value:
            raise ProofError(
                f"{PROVENANCE}: {key}: {stated[key]!r:.100}; the manifest says {value!r:.100}"
            )

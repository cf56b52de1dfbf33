"""Assemble the files of one platform's bundle.

Reads the license texts in LICENSES/, the public key and the encryption key that the release names.
"""

from collections.abc import Mapping
from pathlib import Path

from edgebake import artifacts
from edgebake.bundle import components, license_policy, licenses, manifest, model_card, sbom
from edgebake.bundle.manifest_types import (
    EncryptionEntry,
    ManifestBody,
    ManifestHead,
    SignatureEntry,
    SourceEntry,
    TargetEntry,
)
from edgebake.bundle.target_entry import PackagedTarget
from edgebake.bundle.trust import encryption, keys
from edgebake.bundle.trust.key_service import ALGORITHM
from edgebake.errors import ArtifactError, RecipeError
from edgebake.recipe import Protect, release_file
from edgebake.recipe.stage_params import PackageParams

MODEL_CARD = "MODEL_CARD.md"
NOTICE = "NOTICE"


def assemble(
    section: PackageParams,
    platform: str,
    targets: Mapping[str, PackagedTarget],
    source: SourceEntry,
) -> dict[str, bytes]:
    """Return every file of a bundle by path.

    Args:
        section: parameters of package for the platform.
        platform: android, ios or linux.
        targets: by name, in fallback order.
        source: the commit that the bundle is built from.

    Raises:
        LicenseError: a component's license is not allowed by the release.
        ArtifactError: the public key differs from the one in the plan.
        HostError: a key that the release names cannot be used.
        RecipeError: two targets share a model, and only one of them encrypts it.
    """
    entries = {name: target.entry for name, target in targets.items()}
    head = manifest.compose_head(section, platform, entries, source)
    bundle_components = components.list_components(section, head["targets"].values())
    licensed = license_policy.apply_policy(bundle_components, section.licenses)
    body: ManifestBody = {
        **head,
        "signature": _signature_entry(section),
        "licenses": licenses.manifest_entries(licensed),
    }
    plain: dict[str, bytes] = {}
    for target in targets.values():
        plain |= target.files
    target_files, encrypted = _encrypt_models(section, head, plain)
    untested = {name: target.untested_classes for name, target in targets.items()}
    files = {
        **target_files,
        **licenses.texts(licensed),
        NOTICE: licenses.render_notice(section.about, licensed).encode(),
        sbom.FILE: sbom.render(body, section, licensed, target_files),
        MODEL_CARD: model_card.render(body, section, untested).encode(),
    }
    files[manifest.FILE] = manifest.render(body, files, encrypted).encode()
    return files


def _signature_entry(section: PackageParams) -> str | SignatureEntry:
    """Describe the signing key by its public half, so that a rebuild needs no private key."""
    if section.signature is None:
        return manifest.UNSIGNED
    file = Path(section.signature.public_key)
    if not file.is_file() or artifacts.sha256(file.read_bytes()) != section.public_key_sha256:
        raise ArtifactError(f"{file}: not the public key in params.yaml; run `edgebake plan`")
    return {"algorithm": ALGORITHM, "key_id": keys.key_id(keys.read_public_key(file))}


def _encrypt_models(
    section: PackageParams, head: ManifestHead, plain: dict[str, bytes]
) -> tuple[dict[str, bytes], dict[str, EncryptionEntry]]:
    """Return the files as they ship, and the manifest's entry of each encrypted file."""
    files = dict(plain)
    paths = _paths_to_encrypt(head["targets"], plain)
    if not paths:
        return files, {}
    if section.encryption_key is None:
        raise RecipeError(
            f"{release_file.path()}: encryption_key: null; expected file:PATH or env:NAME"
        )
    key = keys.read_secret(section.encryption_key)
    entries: dict[str, EncryptionEntry] = {}
    for path in paths:
        associated_data = encryption.associated_data(
            head["name"], head["version"], head["platform"], path
        )
        files[path] = encryption.encrypt(plain[path], key, associated_data)
        entries[path] = {
            "scheme": encryption.SCHEME,
            "key_id": encryption.key_id(key),
            "plain_sha256": artifacts.sha256(plain[path]),
            "plain_size": len(plain[path]),
        }
    return files, entries


def _paths_to_encrypt(targets: Mapping[str, TargetEntry], files: Mapping[str, bytes]) -> list[str]:
    """Return the paths of the model files that ship encrypted, sorted.

    Raises:
        RecipeError: two targets share a model, and only one of them encrypts it.
    """
    encrypted = {
        name: target
        for name, target in targets.items()
        if target["protection"] == Protect.encrypt.value
    }
    plain = {name: target for name, target in targets.items() if name not in encrypted}
    for name, target in encrypted.items():
        for plain_name, plain_target in plain.items():
            if plain_target["model"] == target["model"]:
                raise RecipeError(
                    f"recipes/target/{plain_name}.yaml: package.protect: "
                    f"{plain_target['protection']}; it shares {target['model']} with {name}, "
                    "which has encrypt; expected the same value in both"
                )
    paths: set[str] = set()
    for target in encrypted.values():
        paths |= {path for path in files if manifest.belongs_to(path, target["model"])}
    return sorted(paths)

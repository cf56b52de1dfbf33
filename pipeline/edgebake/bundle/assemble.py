"""Every file of one platform's bundle: models, what describes them, and under which terms they are.

Reads the license texts in LICENSES/, the public key and the encryption key that the release names. Writes nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgebake import artifacts
from edgebake.bundle import components, licenses, manifest, model_card, sbom
from edgebake.bundle.manifest import TargetFiles
from edgebake.bundle.trust import encryption, keys
from edgebake.bundle.trust.key_service import ALGORITHM
from edgebake.errors import ArtifactError, RecipeError
from edgebake.recipe import Protect
from edgebake.recipe.stage_params import PackageParams

CARD, NOTICE = "MODEL_CARD.md", "NOTICE"


def assemble(
    section: PackageParams,
    platform: str,
    entries: Mapping[str, TargetFiles],
    source: dict[str, Any],
) -> dict[str, bytes]:
    """Return every file of a bundle by its path.

    Raises:
        LicenseError: something that the bundle is made from is under a license that the release does not allow.
        ArtifactError: the public key is not the one that was planned with.
        HostError: a key that the release names cannot be used.
        RecipeError: two targets share a file, and one of them encrypts it.
    """
    content = manifest.without_files(section, platform, entries, source)
    judged = licenses.apply_policy(
        components.list_components(section, content["targets"]), section.licenses
    )
    content = {
        **content,
        "signature": _signer(section),
        "licenses": licenses.manifest_entries(judged),
    }
    plain = {path: data for one in entries.values() for path, data in one.files.items()}
    files, sealed = _sealed(section, content, plain)
    files |= {
        **licenses.texts(judged),
        NOTICE: licenses.render_notice(section.about, judged).encode(),
        sbom.FILE: sbom.render(content, section, judged, files),
        CARD: model_card.render(content, section).encode(),
    }
    return {**files, manifest.FILE: manifest.render(content, files, sealed).encode()}


def _signer(section: PackageParams) -> str | dict[str, str]:
    """Return what the manifest says of who signs; by the public half, so that a rebuild needs no secret."""
    if section.signature is None:
        return manifest.UNSIGNED
    file = Path(section.signature.public_key)
    if not file.is_file() or artifacts.sha256(file.read_bytes()) != section.public_key_sha256:
        raise ArtifactError(
            f"{file}: not the public key that was planned with; run `edgebake plan`"
        )
    return {"algorithm": ALGORITHM, "key_id": keys.key_id(keys.read_public_key(file))}


def _sealed(
    section: PackageParams, content: dict[str, Any], plain: dict[str, bytes]
) -> tuple[dict[str, bytes], dict[str, dict[str, Any]]]:
    """Return the files as they ship, and what the manifest says of each that is encrypted."""
    hidden = _hidden(content["targets"], plain)
    if not hidden:
        return plain, {}
    if section.encryption_key is None:
        raise RecipeError(
            "recipes/release.yaml: encryption_key: null; expected file:PATH or env:NAME"
        )
    key = keys.read_secret(section.encryption_key)
    files, said = dict(plain), {}
    for path in hidden:
        bound = encryption.associated_data(
            content["name"], content["version"], content["platform"], path
        )
        files[path] = encryption.encrypt(plain[path], key, bound)
        said[path] = {
            "scheme": encryption.SCHEME,
            "key_id": encryption.key_id(key),
            "plain_sha256": artifacts.sha256(plain[path]),
            "plain_size": len(plain[path]),
        }
    return files, said


def _hidden(targets: dict[str, Any], files: Mapping[str, bytes]) -> list[str]:
    """Return the paths of the models that ship encrypted.

    Raises:
        RecipeError: two targets share one, and only one of them wants it to be.
    """
    wanted = {
        name: target["protection"] == Protect.encrypt.value for name, target in targets.items()
    }
    for name, target in targets.items():
        for other in targets:
            if targets[other]["model"] == target["model"] and wanted[name] and not wanted[other]:
                raise RecipeError(
                    f"recipes/target/{other}.yaml: package.protect: {targets[other]['protection']}; it shares "
                    f"{target['model']} with {name}, which says encrypt; expected the same word in both"
                )
    models = {targets[name]["model"] for name in targets if wanted[name]}
    return [
        path for path in sorted(files) if any(manifest.belongs_to(path, model) for model in models)
    ]

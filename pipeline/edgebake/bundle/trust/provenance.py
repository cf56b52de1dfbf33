"""What a bundle was built from, and by what: SLSA provenance in an in-toto statement in a DSSE envelope.

The same for the same build: it holds no clock and no number of a run. startedOn, finishedOn and invocationId, which
SLSA leaves open, are left out.
Sources: https://slsa.dev/spec/v1.0/provenance, https://github.com/in-toto/attestation/tree/main/spec/v1,
https://github.com/secure-systems-lab/dsse.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebake.bundle.trust import keys
from edgebake.bundle.trust.key_service import ALGORITHM
from edgebake.errors import ProofError

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
PAYLOAD = "application/vnd.in-toto+json"
# in-toto asks for a URI and lets it be one that leads nowhere. A project without a site of its own has no other that
# could not some day be somebody else's. docs/release.md says what the parameters mean.
BUILD_TYPE = "urn:edgebake:build:v1"
BUILDER = "urn:edgebake:builder:v1"


@dataclass(frozen=True)
class TrainingData:
    """Data that was learned from; digests by algorithm in in-toto's words: sha256 of a file, dirHash of a folder."""

    name: str
    digest: dict[str, str]
    uri: str | None = None  # where it was taken from
    dvc: str | None = None  # the hash in the .dvc file that tracks it


@dataclass(frozen=True)
class BuildRecord:
    """All that provenance says of one build; digests are sha256 in hexadecimal."""

    platform: str
    subjects: Mapping[str, str]  # digest of each file that was made, by its name
    git_commit: str
    dirty: bool  # whether what was built differs from that commit
    recipes: Mapping[str, str]  # digest of each target's resolved recipe
    params: str  # digest of the platform's part of the plan
    lock: str  # digest of what DVC recorded of it: pipeline/edgebake/bundle/trust/dvc_lock.py
    data: Iterable[TrainingData]
    tools: Mapping[str, str]  # version of each, by its name on PyPI
    version: str  # of edgebake


def build_statement(build: BuildRecord) -> dict[str, Any]:
    """Return the in-toto statement of a build."""
    definition = {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "platform": build.platform,
            "params": {"sha256": build.params},
            "recipes": {name: {"sha256": digest} for name, digest in sorted(build.recipes.items())},
        },
        "internalParameters": {"dirty": build.dirty},
        "resolvedDependencies": [
            {"name": "source", "digest": {"gitCommit": build.git_commit}},
            {"name": "dvc.lock", "digest": {"sha256": build.lock}},
            *(_described(source) for source in build.data),
            *(
                {"name": name, "uri": f"pkg:pypi/{name}@{version}"}
                for name, version in sorted(build.tools.items())
            ),
        ],
    }
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": digest}}
            for name, digest in sorted(build.subjects.items())
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": definition,
            "runDetails": {"builder": {"id": BUILDER, "version": {"edgebake": build.version}}},
        },
    }


def _described(source: TrainingData) -> dict[str, Any]:
    uri = {"uri": source.uri} if source.uri else {}
    tracked = {"annotations": {"dvc": source.dvc}} if source.dvc else {}
    return {"name": source.name, **uri, "digest": source.digest, **tracked}


def commit(said: dict[str, Any]) -> str:
    """Return the git commit that a statement names.

    Raises:
        ProofError: it names none.
    """
    try:
        found = next(one for one in _dependencies(said) if one["name"] == "source")["digest"][
            "gitCommit"
        ]
    except (KeyError, TypeError, StopIteration):
        raise ProofError(
            "provenance: names no git commit; expected one in resolvedDependencies"
        ) from None
    return str(found)


def summary(said: dict[str, Any]) -> dict[str, Any]:
    """Return what a statement says of a build that its manifest says too.

    Raises:
        ProofError: it leaves one of them out.
    """
    try:
        definition = said["predicate"]["buildDefinition"]
        asked = definition["externalParameters"]
        return {
            "buildType": definition["buildType"],
            "commit": commit(said),
            "dirty": definition["internalParameters"]["dirty"],
            "platform": asked["platform"],
            "recipes": {name: recipe["sha256"] for name, recipe in asked["recipes"].items()},
        }
    except (KeyError, TypeError, AttributeError):
        raise ProofError(
            "provenance: leaves out how it was built; expected platform, recipes and dirty"
        ) from None


def _dependencies(said: dict[str, Any]) -> Any:
    return said["predicate"]["buildDefinition"]["resolvedDependencies"]


def canonical(content: Any) -> bytes:
    """Return JSON that is the same for the same content: sorted, without spaces, ASCII alone."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def seal(said: dict[str, Any], signer: keys.Signer | None) -> bytes:
    """Return a statement in its DSSE envelope as JSON, without a signature where there is no signer.

    Raises:
        HostError: the key cannot sign.
    """
    from securesystemslib.dsse import Envelope  # for proofs alone
    from securesystemslib.signer import Signature  # type: ignore[attr-defined]

    made = Envelope(canonical(said), PAYLOAD, {})
    if signer:
        name = keys.key_id(signer.public_key)
        made.signatures[name] = Signature(name, signer.sign(made.pae()).hex())
    return json.dumps(made.to_dict(), indent=2).encode() + b"\n"


def unseal(text: bytes, public_key: Path | None) -> dict[str, Any]:
    """Return the statement in an envelope, its signature checked; without a key none is asked for.

    Raises:
        ProofError: it is no such envelope, holds something else, or the key did not sign it.
        HostError: the public key cannot be read.
    """
    found = _envelope(text)
    if found.payload_type != PAYLOAD:
        raise ProofError(f"provenance: payloadType: {found.payload_type!r}; expected {PAYLOAD!r}")
    if public_key:
        _refuse_unsigned(found, public_key)
    return _said(found.payload)


def _said(payload: bytes) -> dict[str, Any]:
    expected = {"_type": STATEMENT, "predicateType": PREDICATE}
    try:
        said: dict[str, Any] = json.loads(payload)
        wrong = {key: said[key] for key, value in expected.items() if said[key] != value}
        complete = all(
            isinstance(one["name"], str) and "sha256" in one["digest"] for one in said["subject"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        complete, wrong = False, {}
    for key, value in wrong.items():
        raise ProofError(f"provenance: {key}: {value!r}; expected {expected[key]!r}")
    if not complete:
        raise ProofError("provenance: its payload is no in-toto statement about files by sha256")
    return said


def _envelope(text: bytes) -> "Envelope":
    from securesystemslib.dsse import Envelope  # for proofs alone
    from securesystemslib.exceptions import FormatError

    try:
        return Envelope.from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, FormatError) as error:
        raise ProofError(
            f"provenance: no DSSE envelope ({type(error).__name__}: {error})"
        ) from None


def _refuse_unsigned(found: "Envelope", public_key: Path) -> None:
    from securesystemslib.exceptions import VerificationError  # for proofs alone
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

    key = keys.read_public_key(public_key)
    name = keys.key_id(key)
    if name not in found.signatures:
        said = ", ".join(f"by key {other[:16]}" for other in found.signatures) or "by nobody"
        raise ProofError(f"provenance: signed {said}; expected key {name[:16]} of {public_key}")
    try:
        found.verify([SSlibKey.from_crypto(key, name, ALGORITHM)], threshold=1)
    except VerificationError:
        raise ProofError(f"provenance: changed since key {name[:16]} signed it") from None

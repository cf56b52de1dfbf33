"""Provenance of a bundle: SLSA provenance in an in-toto statement in a DSSE envelope.

The same build always has the same provenance: it contains no time and no build number. startedOn,
finishedOn and invocationId, which are optional in SLSA, are left out.
Sources: https://slsa.dev/spec/v1.0/provenance,
https://github.com/in-toto/attestation/tree/main/spec/v1,
https://github.com/secure-systems-lab/dsse.
"""

import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgebake.bundle import json_schema
from edgebake.bundle.json_schema import SchemaError
from edgebake.bundle.trust import keys
from edgebake.bundle.trust.key_service import ALGORITHM
from edgebake.bundle.trust.slsa_types import (
    BuildDefinition,
    Dependency,
    Digest,
    ExternalParameters,
    Statement,
)
from edgebake.documents import strict_json
from edgebake.documents.strict_json import StrictJsonError
from edgebake.errors import ProofError
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
STATEMENT_TYPES = {"_type": STATEMENT_TYPE, "predicateType": PREDICATE_TYPE}
NO_STATEMENT = "provenance: its payload is not an in-toto statement with sha256 digests"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_BYTES = 4 << 20  # of a provenance; 2,000 files take a fifth of it
# in-toto requires URIs, which need not resolve. A project without a domain of its own has no URL
# that could not belong to another owner later, so these are URNs.
BUILD_TYPE = "urn:edgebake:build:v1"
BUILDER = "urn:edgebake:builder:v1"


@dataclass(frozen=True)
class TrainingData:
    """A dataset that models were trained on."""

    name: str
    digest: Digest  # sha256 of a file, dirHash of a folder
    uri: str | None = None  # where it comes from
    dvc: str | None = None  # the hash in the .dvc file that tracks it


@dataclass(frozen=True)
class BuildRecord:
    """All that provenance contains about a build; digests are sha256, hexadecimal."""

    platform: str
    subjects: Mapping[str, str]  # digest of each file that the build wrote, by name
    git_commit: str
    dirty: bool  # whether the built working tree differs from the commit
    recipes: Mapping[str, str]  # digest of each target's resolved recipe
    params: str  # digest of the platform's parameters of package
    lock: str  # digest of the entries of dvc.lock, see dvc_lock.py
    data: Iterable[TrainingData]
    tools: Mapping[str, str]  # version of each distribution
    version: str  # of edgebake


def build_statement(build: BuildRecord) -> Statement:
    """Return the in-toto statement of a build."""
    subjects = sorted(build.subjects.items())
    recipes = sorted(build.recipes.items())
    parameters: ExternalParameters = {
        "platform": build.platform,
        "params": {"sha256": build.params},
        "recipes": {name: {"sha256": digest} for name, digest in recipes},
    }
    definition: BuildDefinition = {
        "buildType": BUILD_TYPE,
        "externalParameters": parameters,
        "internalParameters": {"dirty": build.dirty},
        "resolvedDependencies": _dependencies(build),
    }
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": definition,
            "runDetails": {"builder": {"id": BUILDER, "version": {"edgebake": build.version}}},
        },
    }


def _dependencies(build: BuildRecord) -> list[Dependency]:
    dependencies: list[Dependency] = [
        {"name": "source", "digest": {"gitCommit": build.git_commit}},
        {"name": "dvc.lock", "digest": {"sha256": build.lock}},
    ]
    dependencies += [_data_dependency(data) for data in build.data]
    for name, version in sorted(build.tools.items()):
        dependencies.append({"name": name, "uri": f"pkg:pypi/{name}@{version}"})
    return dependencies


def _data_dependency(data: TrainingData) -> Dependency:
    dependency: Dependency = {"name": data.name, "digest": data.digest}
    if data.uri:
        dependency["uri"] = data.uri
    if data.dvc:
        dependency["annotations"] = {"dvc": data.dvc}
    return dependency


def commit(statement: Statement) -> str:
    """Return the git commit that a statement, maybe an incomplete one, names.

    Raises:
        ProofError: it names none, or several.
    """
    try:
        dependencies = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        sources = [entry for entry in dependencies if entry["name"] == "source"]
        commits = [str(source["digest"]["gitCommit"]) for source in sources]
    except (KeyError, TypeError):
        commits = []
    if len(commits) != 1:
        count = f"{len(commits)} git commits" if commits else "no git commit"
        raise ProofError(f"provenance: names {count}; expected one in resolvedDependencies")
    return commits[0]


def summarize(statement: Statement) -> dict[str, object]:
    """Return the parts of a statement that the manifest contains too.

    Raises:
        ProofError: it names no commit, or several.
    """
    definition = statement["predicate"]["buildDefinition"]
    parameters = definition["externalParameters"]
    return {
        "commit": commit(statement),
        "dirty": definition["internalParameters"]["dirty"],
        "platform": parameters["platform"],
        "recipes": {name: digest["sha256"] for name, digest in parameters["recipes"].items()},
    }


def canonical(content: object) -> bytes:
    """Return the same JSON for equal content: keys sorted, no spaces, ASCII only."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def seal(statement: Statement, signer: keys.Signer | None) -> bytes:
    """Return the JSON of a DSSE envelope with a statement, signed if there is a signer.

    Raises:
        HostError: the key cannot sign.
    """
    from securesystemslib.dsse import Envelope  # for proofs alone
    from securesystemslib.signer import Signature  # type: ignore[attr-defined]

    envelope = Envelope(canonical(statement), PAYLOAD_TYPE, {})
    if signer:
        key_id = keys.key_id(signer.public_key)
        signed = signer.sign(envelope.pae())
        envelope.signatures[key_id] = Signature(key_id, signed.hex())
    return json.dumps(envelope.to_dict(), indent=2).encode() + b"\n"


def unseal(text: bytes, public_key: Path | None) -> Statement:
    """Return the statement in a DSSE envelope, after verifying its signature if there is a key.

    Raises:
        ProofError: it is no such envelope, contains something else, or the key did not sign it.
        HostError: the public key cannot be read.
    """
    envelope = _parse_envelope(text)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ProofError(
            f"provenance: payloadType: {envelope.payload_type!r:.100}; expected {PAYLOAD_TYPE!r}"
        )
    if public_key:
        _verify(envelope, public_key)
    return _parse_statement(envelope.payload)


def _parse_envelope(text: bytes) -> "Envelope":
    from securesystemslib.dsse import Envelope  # for proofs alone
    from securesystemslib.exceptions import FormatError

    try:
        return Envelope.from_dict(strict_json.parse(text, MAX_BYTES))
    except StrictJsonError as error:
        raise ProofError(f"provenance: not a DSSE envelope ({error})") from None
    except (KeyError, TypeError, AttributeError, binascii.Error, FormatError):
        parts = "payload, payloadType and signatures"
        raise ProofError(f"provenance: not a DSSE envelope (expected {parts})") from None
    except ValueError as error:
        reason = printable(error)
        raise ProofError(f"provenance: not a DSSE envelope ({reason})") from None


def _verify(envelope: "Envelope", public_key: Path) -> None:
    from securesystemslib.exceptions import VerificationError  # for proofs alone
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

    key = keys.read_public_key(public_key)
    key_id = keys.key_id(key)
    if key_id not in envelope.signatures:
        signers = [f"by key {printable(signer_id[:16])}" for signer_id in envelope.signatures]
        raise ProofError(
            f"provenance: signed {', '.join(signers) or 'by no key'}; "
            f"expected key {key_id[:16]} of {public_key}"
        )
    try:
        envelope.verify([SSlibKey.from_crypto(key, key_id, ALGORITHM)], threshold=1)
    except VerificationError:
        raise ProofError(f"provenance: changed since key {key_id[:16]} signed it") from None


def _parse_statement(payload: bytes) -> Statement:
    """Return a statement of the form that edgebake writes, each subject once.

    Raises:
        ProofError: it has another form.
    """
    try:
        statement = strict_json.parse(payload, MAX_BYTES)
        types = {key: statement[key] for key in STATEMENT_TYPES}
        is_complete = all(
            isinstance(subject["name"], str) and "sha256" in subject["digest"]
            for subject in statement["subject"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ProofError(NO_STATEMENT) from None
    for key, expected in STATEMENT_TYPES.items():
        if types[key] != expected:
            raise ProofError(f"provenance: {key}: {types[key]!r:.100}; expected {expected!r}")
    if not is_complete:
        raise ProofError(NO_STATEMENT)
    schema = resources.files("edgebake.bundle.trust") / "provenance.schema.json"
    try:
        json_schema.validate(statement, schema.read_bytes())
    except SchemaError as error:
        raise ProofError(f"provenance: {error}") from None
    names = [subject["name"] for subject in statement["subject"]]
    for name in names:
        if names.count(name) > 1:
            raise ProofError(f"provenance: subject: {printable(name)} twice; expected it once")
    return cast("Statement", statement)

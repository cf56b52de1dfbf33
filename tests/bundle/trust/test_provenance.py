"""What provenance says, and who can have said it."""

import base64
import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebake.bundle.trust import keys, provenance
from edgebake.bundle.trust.provenance import BuildRecord, TrainingData
from edgebake.errors import ProofError
from tests.bundle.signing import key, signer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BUILD = BuildRecord(
    platform="android",
    subjects={"manifest.json": "b" * 64, "android.zip": "a" * 64},
    git_commit=COMMIT,
    dirty=False,
    recipes={"pixel_8": "c" * 64, "galaxy_a14": "d" * 64},
    params="e" * 64,
    lock="f" * 64,
    data=[
        TrainingData(
            "data/images",
            {"dirHash": "1" * 64},
            "https://doi.org/10.24432/C50P49",
            "2" * 32 + ".dir",
        ),
        TrainingData("pipeline/edgebake/data/sources/digits.py", {"sha256": "3" * 64}),
    ],
    tools={"numpy": "2.4.6", "keras": "3.15.1"},
    version="0.1.0",
)
DEFINITION = {
    "buildType": "urn:edgebake:build:v1",
    "externalParameters": {
        "platform": "android",
        "params": {"sha256": "e" * 64},
        "recipes": {"galaxy_a14": {"sha256": "d" * 64}, "pixel_8": {"sha256": "c" * 64}},
    },
    "internalParameters": {"dirty": False},
    "resolvedDependencies": [
        {"name": "source", "digest": {"gitCommit": COMMIT}},
        {"name": "dvc.lock", "digest": {"sha256": "f" * 64}},
        {
            "name": "data/images",
            "uri": "https://doi.org/10.24432/C50P49",
            "digest": {"dirHash": "1" * 64},
            "annotations": {"dvc": "2" * 32 + ".dir"},
        },
        {"name": "pipeline/edgebake/data/sources/digits.py", "digest": {"sha256": "3" * 64}},
        {"name": "keras", "uri": "pkg:pypi/keras@3.15.1"},
        {"name": "numpy", "uri": "pkg:pypi/numpy@2.4.6"},
    ],
}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A private key's file, and its public half's."""
    return key(tmp_path / "keys")


def _turned(words: Mapping[str, str]) -> dict[str, str]:
    return dict(reversed(list(words.items())))


def _refused(text: bytes, public: Path | None) -> str:
    with pytest.raises(ProofError) as refused:
        provenance.unseal(text, public)
    return str(refused.value)


def test_the_statement_says_what_was_built_from_what() -> None:
    said = provenance.build_statement(BUILD)
    assert said["subject"] == [
        {"name": "android.zip", "digest": {"sha256": "a" * 64}},
        {"name": "manifest.json", "digest": {"sha256": "b" * 64}},
    ]
    assert said["predicate"] == {
        "buildDefinition": DEFINITION,
        "runDetails": {
            "builder": {"id": "urn:edgebake:builder:v1", "version": {"edgebake": "0.1.0"}}
        },
    }
    assert provenance.commit(said) == COMMIT


def test_in_toto_reads_the_statement_and_slsa_its_predicate() -> None:
    from google.protobuf import json_format  # they bring no types
    from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance  # type: ignore[import-untyped]
    from in_toto_attestation.v1 import statement_pb2  # type: ignore[import-untyped]
    from in_toto_attestation.v1.statement import Statement  # type: ignore[import-untyped]

    said = provenance.build_statement(BUILD)
    Statement.copy_from_pb(json_format.ParseDict(said, statement_pb2.Statement())).validate()
    read = json_format.ParseDict(said["predicate"], Provenance())
    assert read.build_definition.resolved_dependencies[0].digest["gitCommit"] == COMMIT
    assert read.build_definition.resolved_dependencies[2].annotations["dvc"] == "2" * 32 + ".dir"


def test_the_same_build_has_the_same_provenance_in_whatever_order_it_was_told(
    pair: tuple[Path, Path],
) -> None:
    turned = replace(
        BUILD,
        subjects=_turned(BUILD.subjects),
        recipes=_turned(BUILD.recipes),
        tools=_turned(BUILD.tools),
    )
    one, other = (
        provenance.seal(provenance.build_statement(build), signer(*pair))
        for build in (BUILD, turned)
    )
    assert one == other


def test_no_clock_is_in_it(pair: tuple[Path, Path]) -> None:
    said = provenance.build_statement(BUILD)
    assert "metadata" not in said["predicate"]["runDetails"]
    assert not {"startedOn", "finishedOn", "invocationId"} & set(json.dumps(said).split('"'))


def test_what_was_signed_is_opened(pair: tuple[Path, Path]) -> None:
    said = provenance.build_statement(BUILD)
    text = provenance.seal(said, signer(*pair))
    assert provenance.unseal(text, pair[1]) == provenance.unseal(text, pair[1]) == said


def test_an_unsigned_one_is_opened_without_a_key_alone(pair: tuple[Path, Path]) -> None:
    said = provenance.build_statement(BUILD)
    text = provenance.seal(said, None)
    assert json.loads(text)["signatures"] == []
    assert provenance.unseal(text, None) == said
    name = keys.key_id(keys.read_public_key(pair[1]))[:16]
    assert (
        _refused(text, pair[1]) == f"provenance: signed by no key; expected key {name} of {pair[1]}"
    )


def test_it_can_be_verified_by_hand(pair: tuple[Path, Path]) -> None:
    from cryptography.hazmat.primitives import hashes  # for this test alone
    from cryptography.hazmat.primitives.asymmetric import ec

    found = json.loads(provenance.seal(provenance.build_statement(BUILD), signer(*pair)))
    payload = base64.b64decode(found["payload"])
    message = b"DSSEv1 28 application/vnd.in-toto+json %d %b" % (len(payload), payload)
    signature = base64.b64decode(found["signatures"][0]["sig"])
    keys.read_public_key(pair[1]).verify(signature, message, ec.ECDSA(hashes.SHA256()))


def test_another_key_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    _, other = key(tmp_path / "keys", "other")
    names = [keys.key_id(keys.read_public_key(public))[:16] for public in (pair[1], other)]
    text = provenance.seal(provenance.build_statement(BUILD), signer(*pair))
    assert (
        _refused(text, other)
        == f"provenance: signed by key {names[0]}; expected key {names[1]} of {other}"
    )


def _edited(text: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(text) | changes).encode()


def _payload(said: Any) -> str:
    return base64.b64encode(json.dumps(said).encode()).decode()


def test_an_edited_statement_is_found(pair: tuple[Path, Path]) -> None:
    said = provenance.build_statement(BUILD)
    text = provenance.seal(said, signer(*pair))
    edited = copy.deepcopy(said)
    edited["predicate"]["buildDefinition"]["internalParameters"]["dirty"] = True
    name = keys.key_id(keys.read_public_key(pair[1]))[:16]
    assert (
        _refused(_edited(text, payload=_payload(edited)), pair[1])
        == f"provenance: changed since key {name} signed it"
    )


def test_a_key_that_claims_to_be_another_is_found_out(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    other = key(tmp_path / "keys", "other")
    text = provenance.seal(provenance.build_statement(BUILD), signer(*other)).decode()
    name, claimed = (keys.key_id(keys.read_public_key(public)) for public in (other[1], pair[1]))
    said = _refused(text.replace(name, claimed).encode(), pair[1])
    assert said == f"provenance: changed since key {claimed[:16]} signed it"


def test_another_type_of_payload_is_refused_before_it_is_read(pair: tuple[Path, Path]) -> None:
    text = provenance.seal(provenance.build_statement(BUILD), signer(*pair))
    assert _refused(_edited(text, payloadType="application/json"), pair[1]) == (
        "provenance: payloadType: 'application/json'; expected 'application/vnd.in-toto+json'"
    )


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("_type", "https://in-toto.io/Statement/v1"),
        ("predicateType", "https://slsa.dev/provenance/v1"),
    ],
)
def test_another_kind_of_statement_is_named(
    pair: tuple[Path, Path], word: str, expected: str
) -> None:
    statement: Any = provenance.build_statement(BUILD)
    statement[word] = "https://other"
    text = provenance.seal(statement, signer(*pair))
    assert _refused(text, pair[1]) == f"provenance: {word}: 'https://other'; expected '{expected}'"


@pytest.mark.parametrize(
    "change",
    [
        lambda _: [],
        lambda _: "text",
        lambda said: {**said, "subject": "manifest.json"},
        lambda said: {**said, "subject": [{"name": "manifest.json"}]},
        lambda said: {**said, "subject": [{"name": "manifest.json", "digest": {"md5": "0"}}]},
        lambda said: {word: value for word, value in said.items() if word != "subject"},
        lambda said: {word: value for word, value in said.items() if word != "predicateType"},
    ],
)
def test_what_is_no_statement_is_said_so(change: Callable[[Any], Any]) -> None:
    statement = provenance.build_statement(BUILD)
    text = _edited(provenance.seal(statement, None), payload=_payload(change(statement)))
    assert _refused(text, None) == (
        "provenance: its payload is not an in-toto statement with sha256 digests"
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"{}",
        b'{"payload": 1}',
        b"[" * 100_000,
        b'{"payload":"","payloadType":""}',
    ],
)
def test_what_is_no_envelope_is_said_so(text: bytes) -> None:
    assert _refused(text, None).startswith("provenance: not a DSSE envelope (")


def test_the_same_signature_twice_is_no_envelope(pair: tuple[Path, Path]) -> None:
    text = provenance.seal(provenance.build_statement(BUILD), signer(*pair))
    twice = _edited(text, signatures=json.loads(text)["signatures"] * 2)
    name = keys.key_id(keys.read_public_key(pair[1]))
    assert _refused(twice, pair[1]) == (
        f"provenance: not a DSSE envelope (Multiple signatures found for keyid {name})"
    )


def test_a_statement_without_a_commit_is_refused() -> None:
    said = provenance.build_statement(BUILD)
    said["predicate"]["buildDefinition"]["resolvedDependencies"] = []
    with pytest.raises(ProofError) as refused:
        provenance.commit(said)
    assert (
        str(refused.value)
        == "provenance: names no git commit; expected one in resolvedDependencies"
    )

"""Signatures of bundles against model_signing, whose format they have."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_signing import hashing, signing, verifying

from edgebake.bundle.trust import keys, signature
from edgebake.errors import ProofError
from tests.bundle.signing import FILES, bundle, key, signer

Signed = tuple[Path, Path, Path]  # bundle, signature, public key


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    """A bundle, its signature and the public key."""
    folder, private, public = bundle(tmp_path / "android"), *key(tmp_path / "keys")
    signature.sign(folder, tmp_path / "model.sig", signer(private, public))
    return folder, tmp_path / "model.sig", public


def _refused(folder: Path, made: Path, public: Path) -> str:
    with pytest.raises(ProofError) as refused:
        signature.verify(folder, made, public)
    return str(refused.value)


def _theirs(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "model_signing", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_was_signed_is_verified(signed: Signed) -> None:
    signature.verify(*signed)


def test_a_bundle_may_lie_elsewhere_under_another_name(signed: Signed, tmp_path: Path) -> None:
    signature.verify(signed[0].rename(tmp_path / "unpacked"), *signed[1:])


def test_the_same_bundle_has_the_same_signature_in_every_process(
    signed: Signed, tmp_path: Path
) -> None:
    program = (
        "import sys; from pathlib import Path; from edgebake.bundle.trust import signature; "
        "from tests.bundle import signing;"
        "folder, made, *pair = map(Path, sys.argv[1:]); signature.sign(folder, made, "
        "signing.signer(*pair))"
    )
    private = signed[2].with_name("release.pem")
    arguments = [signed[0], tmp_path / "again.sig", private, signed[2]]
    subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert (tmp_path / "again.sig").read_bytes() == signed[1].read_bytes()


def test_their_command_accepts_our_signature(signed: Signed) -> None:
    folder, made, public = map(str, signed)
    done = _theirs("verify", "key", folder, "--signature", made, "--public_key", public)
    assert (done.returncode, done.stdout) == (0, "Verification succeeded\n"), done.stderr


def test_their_command_refuses_our_signature_over_another_bundle(signed: Signed) -> None:
    folder, made, public = map(str, signed)
    (signed[0] / "models/a.tflite").write_bytes(b"\x00\x02")
    done = _theirs("verify", "key", folder, "--signature", made, "--public_key", public)
    assert done.returncode != 0
    assert "Hash mismatch for 'models/a.tflite'" in done.stderr


def test_we_accept_their_signature(signed: Signed, tmp_path: Path) -> None:
    folder, _, public = signed
    private = public.with_name("release.pem")
    done = _theirs(
        "sign",
        "key",
        str(folder),
        "--signature",
        f"{tmp_path}/their.sig",
        "--private_key",
        str(private),
    )
    assert done.returncode == 0, done.stderr
    signature.verify(folder, tmp_path / "their.sig", public)


def test_their_library_accepts_our_signature_with_the_same_settings(signed: Signed) -> None:
    folder, made, public = signed
    settings = hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)  # type: ignore[no-untyped-call]
    theirs = verifying.Config().use_elliptic_key_verifier(public_key=public)  # type: ignore[no-untyped-call]
    theirs.set_hashing_config(settings).verify(folder, made)
    (folder / ".gitignore").write_text("*")
    with pytest.raises(ValueError, match=r"Extra files found in model 'android': \.gitignore"):
        theirs.verify(folder, made)


@pytest.mark.parametrize(
    "name",
    [".gitignore", ".gitattributes", ".git/config", ".github/evil.yml", ".hidden", "evil.so"],
)
def test_an_added_file_is_found_whatever_its_name(signed: Signed, name: str) -> None:
    (signed[0] / name).parent.mkdir(exist_ok=True)
    (signed[0] / name).write_text("x")
    assert (
        _refused(*signed) == f"{signed[1]}: the bundle differs from the signed one; added: {name}"
    )


def test_an_added_file_is_found_even_if_their_signature_would_ignore_it(
    signed: Signed, tmp_path: Path
) -> None:
    private = signed[2].with_name("release.pem")
    theirs = signing.Config().use_elliptic_key_signer(private_key=private)  # type: ignore[no-untyped-call]
    theirs.sign(signed[0], tmp_path / "their.sig")
    (signed[0] / ".gitignore").write_text("*")
    said = _refused(signed[0], tmp_path / "their.sig", signed[2])
    assert (
        said == f"{tmp_path}/their.sig: the bundle differs from the signed one; added: .gitignore"
    )


def test_every_change_is_named(signed: Signed) -> None:
    folder = signed[0]
    (folder / "models/a.tflite").rename(folder / "models/b.tflite")
    (folder / "manifest.json").write_text('{"a": 1}')
    assert _refused(*signed) == (
        f"{signed[1]}: the bundle differs from the signed one; "
        "changed: manifest.json; added: models/b.tflite; missing: models/a.tflite"
    )


def test_two_files_that_were_swapped_are_found(signed: Signed) -> None:
    for name, other in (
        ("models/a.tflite", "models/a.labels.txt"),
        ("models/a.labels.txt", "models/a.tflite"),
    ):
        (signed[0] / name).write_bytes(FILES[other])
    assert _refused(*signed).endswith("; changed: models/a.labels.txt, models/a.tflite")


def test_a_link_is_refused_when_signed_and_when_verified(signed: Signed, tmp_path: Path) -> None:
    (signed[0] / "link").symlink_to("manifest.json")
    said = f"{signed[0]}/link: a link or a special file; expected only files and folders"
    assert _refused(*signed) == said
    pair = signed[2].with_name("release.pem"), signed[2]
    with pytest.raises(ProofError) as refused:
        signature.sign(signed[0], tmp_path / "new.sig", signer(*pair))
    assert str(refused.value) == said
    assert not (tmp_path / "new.sig").exists()


def test_a_signature_that_is_not_there_is_said_so(signed: Signed, tmp_path: Path) -> None:
    none = tmp_path / "none.sig"
    assert (
        _refused(signed[0], none, signed[2])
        == f"{none}: not found; expected the signature of the bundle"
    )


def test_another_key_is_named(signed: Signed, tmp_path: Path) -> None:
    _, other = key(tmp_path / "keys", "other")
    names = [keys.key_id(keys.read_public_key(public))[:16] for public in (signed[2], other)]
    assert _refused(signed[0], signed[1], other) == (
        f"{signed[1]}: signed by key {names[0]}; expected key {names[1]} of {other}"
    )


def test_a_key_that_claims_to_be_another_is_found_out(signed: Signed, tmp_path: Path) -> None:
    other = key(tmp_path / "keys", "other")
    signature.sign(signed[0], tmp_path / "other.sig", signer(*other))
    text = (tmp_path / "other.sig").read_text()
    name, claimed = (keys.key_id(keys.read_public_key(public)) for public in (other[1], signed[2]))
    (tmp_path / "other.sig").write_text(text.replace(name, claimed))
    assert _refused(signed[0], tmp_path / "other.sig", signed[2]) == (
        f"{tmp_path}/other.sig: not signed by this key; the signature file was edited"
    )


def test_a_list_that_was_edited_is_found(signed: Signed) -> None:
    content = json.loads(signed[1].read_text())
    statement = json.loads(base64.b64decode(content["dsseEnvelope"]["payload"]))
    statement["predicate"]["resources"].pop()
    content["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    signed[1].write_text(json.dumps(content))
    assert (
        _refused(*signed) == f"{signed[1]}: not signed by this key; the signature file was edited"
    )


def _without(*path: str) -> Callable[[Any], Any]:
    def changed(content: Any) -> Any:
        node = content
        for word in path[:-1]:
            node = node[word]
        del node[path[-1]]
        return content

    return changed


@pytest.mark.parametrize(
    "change",
    [
        lambda _: [],
        lambda _: "text",
        lambda _: {},
        lambda content: content | {"mediaType": "application/json"},
        lambda content: content | {"dsseEnvelope": 1},
        lambda content: content | {"dsseEnvelope": content["dsseEnvelope"] | {"signatures": []}},
        lambda content: (
            content
            | {
                "dsseEnvelope": content["dsseEnvelope"]
                | {"signatures": [{"sig": "AAAA"}, *content["dsseEnvelope"]["signatures"]]}
            }
        ),
        lambda content: (
            content | {"dsseEnvelope": content["dsseEnvelope"] | {"payloadType": "application/x"}}
        ),
        lambda content: content | {"dsseEnvelope": content["dsseEnvelope"] | {"payload": "%%%"}},
        _without("dsseEnvelope"),
        _without("verificationMaterial"),
        _without("dsseEnvelope", "payload"),
        _without("dsseEnvelope", "signatures"),
    ],
)
def test_what_is_no_signature_is_said_so(signed: Signed, change: Callable[[Any], Any]) -> None:
    signed[1].write_text(json.dumps(change(json.loads(signed[1].read_text()))))
    assert _refused(*signed) == (
        f"{signed[1]}: cannot be read; expected a signature by a key, as OpenSSF model signing "
        "writes it"
    )


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"[" * 100_000])
def test_what_is_no_json_is_no_signature(signed: Signed, content: bytes) -> None:
    signed[1].write_bytes(content)
    assert "cannot be read; expected a signature by a key" in _refused(*signed)


def test_a_signature_that_names_no_key_is_refused(signed: Signed) -> None:
    content = json.loads(signed[1].read_text())
    del content["verificationMaterial"]["publicKey"]["hint"]
    signed[1].write_text(json.dumps(content))
    assert "signed by a key that it does not name; expected key " in _refused(*signed)


def test_a_huge_signature_is_not_read(signed: Signed) -> None:
    with signed[1].open("r+b") as file:
        file.truncate((4 << 20) + 1)
    assert _refused(*signed) == f"{signed[1]}: 4,194,305 bytes; expected at most 4,194,304"


def test_a_signature_over_parts_of_files_is_refused(signed: Signed, tmp_path: Path) -> None:
    settings = hashing.Config().use_shard_serialization()  # type: ignore[no-untyped-call]
    private = signed[2].with_name("release.pem")
    theirs = signing.Config().use_elliptic_key_signer(private_key=private)  # type: ignore[no-untyped-call]
    theirs.set_hashing_config(settings).sign(signed[0], tmp_path / "their.sig")
    said = _refused(signed[0], tmp_path / "their.sig", signed[2])
    assert said == f"{tmp_path}/their.sig: signs shards by sha256; expected files by sha256"


def test_the_order_of_the_list_is_theirs_to_choose(tmp_path: Path) -> None:
    """They sort by the parts of paths, so `a/b` comes before `a-b`."""
    folder = bundle(tmp_path / "android")
    for name in ("a-b/x.txt", "a/x.txt", "a.b/x.txt"):
        (folder / name).parent.mkdir()
        (folder / name).write_text(name)
    private, public = key(tmp_path / "keys")
    theirs = signing.Config().use_elliptic_key_signer(private_key=private)  # type: ignore[no-untyped-call]
    theirs.sign(folder, tmp_path / "their.sig")
    signature.verify(folder, tmp_path / "their.sig", public)
    signature.sign(folder, tmp_path / "our.sig", signer(private, public))
    verifier = verifying.Config().use_elliptic_key_verifier(public_key=public)  # type: ignore[no-untyped-call]
    verifier.verify(folder, tmp_path / "our.sig")


def test_a_signature_whose_list_contradicts_its_own_digest_is_refused(
    signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = signed[2].with_name("release.pem")
    monkeypatch.setattr(signature, "_root_digest", lambda _: "0" * 64)
    signature.sign(signed[0], tmp_path / "odd.sig", signer(private, signed[2]))
    monkeypatch.undo()
    assert "cannot be read; expected a signature" in _refused(
        signed[0], tmp_path / "odd.sig", signed[2]
    )


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (os.mkfifo, "a pipe; expected a regular file"),
        (Path.mkdir, "a folder; expected a regular file"),
        (lambda file: file.symlink_to("/dev/zero"), "a symbolic link; expected a regular file"),
    ],
    ids=["pipe", "folder", "link"],
)
def test_a_signature_that_is_no_regular_file_is_refused_at_once(
    signed: Signed, make: Callable[[Path], object], what: str
) -> None:
    signed[1].unlink()
    make(signed[1])
    assert _refused(*signed) == f"{signed[1]}: {what}"


def test_a_long_list_of_changes_is_cut(signed: Signed) -> None:
    for number in range(8):
        (signed[0] / f"{number}.txt").write_text("x")
    assert _refused(*signed).endswith("; added: 0.txt, 1.txt, 2.txt, 3.txt, 4.txt, and 3 more")

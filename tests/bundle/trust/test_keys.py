"""Where keys may lie, which are taken, and what is said of those that are not."""

import base64
import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Signature  # type: ignore[attr-defined]

from edgebake.bundle.trust import keys
from edgebake.errors import EdgebakeError, HostError, RecipeError
from tests.bundle import signing

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
BARE = serialization.NoEncryption()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A private key's file, and its public half's."""
    return signing.key(tmp_path)


def _refused(uri: str, public: Path) -> str:
    with pytest.raises(EdgebakeError) as refused:
        keys.load_signer(uri, public)
    return str(refused.value)


def _check(public: Path, signature: bytes, message: bytes) -> None:
    keys.read_public_key(public).verify(signature, message, ec.ECDSA(hashes.SHA256()))


def test_a_new_private_key_is_its_owners_alone_and_the_public_one_everybodys(
    pair: tuple[Path, Path],
) -> None:
    assert [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in pair] == [0, 0o044]
    assert pair[0].read_text().startswith("-----BEGIN PRIVATE KEY-----")


def test_no_key_is_overwritten(pair: tuple[Path, Path], tmp_path: Path) -> None:
    before = [path.read_bytes() for path in pair]
    for private, public in (pair, (tmp_path / "new", pair[1]), (pair[0], tmp_path / "new")):
        with pytest.raises(HostError, match="exists already; expected a new path: overwriting"):
            keys.generate(private, public)
    assert [path.read_bytes() for path in pair] == before
    assert not (tmp_path / "new").exists()


def test_no_private_key_stays_without_its_public_half(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"release\.pub\.pem: cannot be written"):
        keys.generate(tmp_path / "release.pem", tmp_path / "none/release.pub.pem")
    assert not list(tmp_path.iterdir())


def test_a_key_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "release.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError, match="exists already"):
        signing.key(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_key_goes_into_a_folder_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(HostError) as refused:
        keys.generate_secret(tmp_path / "none" / "key")
    assert str(refused.value) == (
        f"{tmp_path}/none/key: cannot be written (No such file or directory); "
        "expected an existing folder"
    )


def test_a_file_signs(pair: tuple[Path, Path]) -> None:
    _check(pair[1], keys.load_signer(f"file:{pair[0]}", pair[1]).sign(b"bundle"), b"bundle")


def test_the_same_message_has_the_same_signature(pair: tuple[Path, Path]) -> None:
    signer = signing.signer(*pair)
    assert signer.sign(b"bundle") == signer.sign(b"bundle") != signer.sign(b"bundles")


@pytest.mark.parametrize("encoded", [False, True])
def test_a_variable_signs_whether_it_holds_pem_or_base64_of_it(
    pair: tuple[Path, Path], encoded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = pair[0].read_bytes()
    monkeypatch.setenv("KEY", base64.encodebytes(text).decode() if encoded else text.decode())
    _check(pair[1], keys.load_signer("env:KEY", pair[1]).sign(b"bundle"), b"bundle")


def test_a_variable_that_is_not_set_is_named(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEY", raising=False)
    assert (
        _refused("env:KEY", pair[1]) == "env:KEY: no such variable; expected it to contain the key"
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o444])
def test_a_file_that_others_can_read_is_refused(pair: tuple[Path, Path], mode: int) -> None:
    pair[0].chmod(mode)
    assert _refused(f"file:{pair[0]}", pair[1]) == (
        f"{pair[0]}: readable by other users (mode {mode:04o}); expected only its owner: "
        "`chmod 600 "
        f"{pair[0]}`"
    )


def test_a_link_is_judged_by_the_file_that_it_leads_to(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(pair[0])
    _check(pair[1], keys.load_signer(f"file:{link}", pair[1]).sign(b"bundle"), b"bundle")
    pair[0].chmod(0o644)
    assert "readable by other users (mode 0644)" in _refused(f"file:{link}", pair[1])


def test_a_file_of_somebody_else_is_refused(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = os.geteuid()
    if owner == 0:
        owner = 12345
        os.chown(pair[0], owner, owner)
    else:  # only root can give a file away: it is the process that becomes somebody else
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert _refused(f"file:{pair[0]}", pair[1]) == (
        f"{pair[0]}: belongs to user {owner}; expected it to be owned by you or by root"
    )


def test_a_pipe_and_a_folder_are_no_keys(pair: tuple[Path, Path], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert (
        _refused(f"file:{tmp_path}/pipe", pair[1])
        == f"{tmp_path}/pipe: no such file; expected a file with the key"
    )
    assert (
        _refused(f"file:{tmp_path}", pair[1])
        == f"{tmp_path}: cannot be read (Is a directory); expected a key there"
    )


def test_a_missing_file_is_named(pair: tuple[Path, Path]) -> None:
    assert _refused("file:no/such.pem", pair[1]) == (
        "no/such.pem: cannot be read (No such file or directory); expected a key there"
    )


def test_a_private_key_has_to_belong_to_the_public_one(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    other = signing.key(tmp_path, "other")
    names = [keys.key_id(keys.read_public_key(public))[:16] for _, public in (other, pair)]
    assert _refused(f"file:{other[0]}", pair[1]) == (
        f"{other[0]}: its public key is {names[0]}, but {pair[1]} is {names[1]}; "
        "expected a key pair"
    )


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "a key on the curve secp384r1"),
        (ec.generate_private_key(ec.SECP256K1()), "a key on the curve secp256k1"),
        (ed25519.Ed25519PrivateKey.generate(), "a key of the kind Ed25519"),
        (rsa.generate_private_key(65537, 2048), "a key of the kind RSA"),
    ],
    ids=["p384", "k256", "ed25519", "rsa"],
)
def test_another_kind_of_key_is_named(
    pair: tuple[Path, Path], tmp_path: Path, key: Any, kind: str
) -> None:
    private, public = tmp_path / "private", tmp_path / "public"
    private.write_bytes(key.private_bytes(PEM, PKCS8, BARE))
    private.chmod(0o600)
    public.write_bytes(
        key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert (
        _refused(f"file:{private}", pair[1])
        == f"{private}: {kind}; expected ECDSA on P-256 (secp256r1)"
    )
    assert (
        _refused(f"file:{pair[0]}", public)
        == f"{public}: {kind}; expected ECDSA on P-256 (secp256r1)"
    )


def test_a_key_behind_a_password_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    key = ec.generate_private_key(ec.SECP256R1())
    locked.write_bytes(
        key.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"word"))
    )
    locked.chmod(0o600)
    assert _refused(f"file:{locked}", pair[1]) == (
        f"{locked}: protected by a password; expected none: restrict the file to its owner, or "
        "keep the key in a service"
    )


@pytest.mark.parametrize(
    "text", ["", "not a key", "%%%", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
)
def test_what_is_no_key_is_not_shown(
    pair: tuple[Path, Path], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", text)
    assert (
        _refused("env:KEY", pair[1])
        == "env:KEY: not a private key; expected PEM, PKCS8, ECDSA on P-256"
    )


def test_a_public_key_that_is_not_there_is_named(pair: tuple[Path, Path]) -> None:
    assert _refused(f"file:{pair[0]}", Path("no.pub.pem")) == (
        "no.pub.pem: not found; expected a public key, as PEM"
    )


def test_the_private_half_is_not_taken_for_the_public_one(pair: tuple[Path, Path]) -> None:
    assert _refused(f"file:{pair[0]}", pair[0]) == (
        f"{pair[0]}: a private key; expected its public key, which `edgebake keygen` writes "
        "next to it"
    )


def test_what_is_no_public_key_is_said_so(pair: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    assert _refused(f"file:{pair[0]}", tmp_path / "text") == (
        f"{tmp_path}/text: not a public key; expected PEM, ECDSA on P-256"
    )


def test_a_key_has_the_name_that_model_signing_gives_it(pair: tuple[Path, Path]) -> None:
    assert keys.key_id(keys.read_public_key(pair[1])) == sha256(pair[1].read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("uri", "shown"), [("gnupg:A", "'gnupg:'"), ("key.pem", "this text"), ("file:", "'file:'")]
)
def test_an_unknown_kind_of_uri_names_those_that_are_known(
    pair: tuple[Path, Path], uri: str, shown: str
) -> None:
    assert _refused(uri, pair[1]) == (
        f"recipes/release.yaml: {shown} names no key; expected one of: "
        "file:PATH, env:NAME, awskms:..., azurekms:..., gcpkms:..., hsm:..., hv:..."
    )


def test_a_key_written_into_the_recipe_is_not_shown(pair: tuple[Path, Path]) -> None:
    said = _refused(pair[0].read_text(), pair[1])
    assert said.startswith("recipes/release.yaml: this text names no key; ")
    assert not set(pair[0].read_text().splitlines()) & set(said.splitlines())


class _Service:
    """A key management service: it knows keys by the rest of their URI."""

    held: dict[str, ec.EllipticCurvePrivateKey] = {}  # noqa: RUF012 - filled by the tests

    def __init__(self, key: ec.EllipticCurvePrivateKey, public_key: Any) -> None:
        self._signer, self._name = CryptoSigner(key), public_key.keyid

    @classmethod
    def from_priv_key_uri(cls, uri: str, public_key: Any, _: Any) -> "_Service":
        return cls(cls.held[uri], public_key)

    def sign(self, message: bytes) -> Any:
        return Signature(self._name, self._signer.sign(message).signature)


@pytest.fixture
def service(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> type[_Service]:
    """A service that holds the pair's private key as awskms:release."""
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "awskms", _Service)
    key = serialization.load_pem_private_key(pair[0].read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    monkeypatch.setattr(_Service, "held", {"awskms:release": key})
    return _Service


def test_a_service_signs_with_the_key_that_it_keeps(
    pair: tuple[Path, Path], service: type[_Service]
) -> None:
    _check(pair[1], keys.load_signer("awskms:release", pair[1]).sign(b"bundle"), b"bundle")


def test_a_service_that_signs_with_another_key_is_found_out(
    pair: tuple[Path, Path], service: type[_Service]
) -> None:
    service.held["awskms:other"] = ec.generate_private_key(ec.SECP256R1())
    signer = keys.load_signer("awskms:other", pair[1])
    with pytest.raises(HostError) as refused:
        signer.sign(b"bundle")
    assert str(refused.value) == (
        "recipes/release.yaml: signature: the private key does not belong to public key "
        f"{keys.key_id(keys.read_public_key(pair[1]))[:16]}; expected a key pair"
    )


def test_what_a_service_complains_of_is_passed_on(
    pair: tuple[Path, Path], service: type[_Service]
) -> None:
    assert (
        _refused("awskms:gone", pair[1])
        == "awskms: KeyError: 'awskms:gone'; expected the service to sign"
    )


def test_a_service_whose_library_is_missing_says_which(pair: tuple[Path, Path]) -> None:
    assert _refused("gcpkms:release", pair[1]) == (
        "gcpkms: google-cloud-kms library required to sign with Google Cloud keys; "
        "expected securesystemslib[gcpkms] to be installed"
    )


def test_an_encryption_key_is_read_from_its_file(tmp_path: Path) -> None:
    keys.generate_secret(tmp_path / "key")
    assert len(base64.b64decode((tmp_path / "key").read_text())) == 32
    assert keys.read_secret(f"file:{tmp_path}/key") == base64.b64decode(
        (tmp_path / "key").read_text()
    )


def test_two_encryption_keys_differ(tmp_path: Path) -> None:
    for name in ("one", "other"):
        keys.generate_secret(tmp_path / name)
    assert keys.read_secret(f"file:{tmp_path}/one") != keys.read_secret(f"file:{tmp_path}/other")


@pytest.mark.parametrize("text", ["", "c2hvcnQ=", "?" * 44, base64.b64encode(bytes(33)).decode()])
def test_what_is_no_encryption_key_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", text)
    with pytest.raises(HostError) as refused:
        keys.read_secret("env:KEY")
    assert str(refused.value) == (
        "env:KEY: not an encryption key; expected 32 bytes as base64: "
        "`edgebake keygen --encryption`"
    )


def test_no_service_gives_an_encryption_key_away() -> None:
    with pytest.raises(RecipeError) as refused:
        keys.read_secret("awskms:release")
    assert (
        str(refused.value)
        == "recipes/release.yaml: 'awskms:' names no key; expected one of: file:PATH, env:NAME"
    )


def test_a_signature_of_something_else_does_not_pass(pair: tuple[Path, Path]) -> None:
    with pytest.raises(InvalidSignature):
        _check(pair[1], signing.signer(*pair).sign(b"bundle"), b"another")


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("/dev/zero", "a device"),
        ("/tmp", "a folder"),
        ("pipe", "a pipe"),
        ("large", "70,000 bytes"),
    ],
)
def test_a_public_key_that_is_no_small_file_is_refused_at_once(
    tmp_path: Path, file: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("large").write_bytes(bytes(70_000))
    with pytest.raises(HostError) as refused:
        keys.read_public_key(Path(file))
    assert str(refused.value).startswith(f"{file}: {what}; expected ")

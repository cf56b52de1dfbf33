"""What `edgebake keygen` leaves and says."""

from pathlib import Path

import pytest
import yaml

from edgebake.bundle.trust import keys
from edgebake.cli import keygen
from edgebake.errors import HostError


def test_a_signing_key_and_its_public_half_sign(tmp_path: Path) -> None:
    keygen.keygen(tmp_path / "release.pem", encryption=False)
    signer = keys.load_signer(f"file:{tmp_path}/release.pem", tmp_path / "release.pub.pem")
    assert signer.sign(b"bundle")


def test_what_is_said_can_be_pasted_into_the_release(tmp_path: Path) -> None:
    lines = keygen.keygen(tmp_path / "release.pem", encryption=False)
    release = yaml.safe_load("\n".join(lines[lines.index("recipes/release.yaml:") + 1 :]))
    assert release == {
        "signature": {
            "key": f"file:{tmp_path}/release.pem",
            "public_key": f"{tmp_path}/release.pub.pem",
        }
    }
    assert keys.load_signer(release["signature"]["key"], Path(release["signature"]["public_key"]))


def test_the_name_of_the_key_is_said(tmp_path: Path) -> None:
    lines = keygen.keygen(tmp_path / "release.pem", encryption=False)
    name = keys.key_id(keys.read_public_key(tmp_path / "release.pub.pem"))
    hint = "commit it, and give it to those who verify bundles"
    assert lines[1] == f"{tmp_path}/release.pub.pem: the public key {name}; {hint}"


def test_an_encryption_key_can_be_used_as_is_said(tmp_path: Path) -> None:
    lines = keygen.keygen(tmp_path / "encryption.key", encryption=True)
    release = yaml.safe_load("\n".join(lines[lines.index("recipes/release.yaml:") + 1 :]))
    assert len(keys.read_secret(release["encryption_key"])) == 32
    assert [path.name for path in tmp_path.iterdir()] == ["encryption.key"]


@pytest.mark.parametrize("encryption", [False, True])
def test_a_second_key_of_the_name_is_refused(tmp_path: Path, encryption: bool) -> None:
    keygen.keygen(tmp_path / "key", encryption)
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(HostError, match="exists already"):
        keygen.keygen(tmp_path / "key", encryption)
    assert (tmp_path / "key").read_bytes() == before


@pytest.mark.parametrize(
    ("private", "public"), [("a.pem", "a.pub.pem"), ("a", "a.pub.pem"), ("v1.2", "v1.2.pub.pem")]
)
def test_the_public_half_lies_beside_the_private_one(private: str, public: str) -> None:
    assert keygen.public_half(Path("keys") / private) == Path("keys") / public

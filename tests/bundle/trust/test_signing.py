"""A proof is signed as a whole: of this bundle, by the release's key, or not at all."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebake import artifacts
from edgebake.bundle import manifest
from edgebake.bundle.trust import keys, proof, provenance, signature, signing
from edgebake.errors import ArtifactError, HostError, ProofError
from edgebake.recipe import Signature
from edgebake.recipe.stage_params import Plan
from tests import signed
from tests.signed import Signed


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Signed:
    return signed.make(tmp_path_factory.mktemp("sound"), planned)


def _options(sound: Signed) -> Signature:
    private = sound.key.with_name("release.pem")
    return Signature(key=f"file:{private}", public_key=str(sound.key))


def _content(sound: Signed) -> Any:
    return artifacts.read_json(sound.folder / manifest.FILE)


def test_both_parts_of_the_proof_are_signed(sound: Signed) -> None:
    signature.verify(sound.folder, sound.proof / proof.SIGNATURE, sound.key)
    statement = provenance.unseal((sound.proof / proof.PROVENANCE).read_bytes(), sound.key)
    assert provenance.commit(statement) == _content(sound)["source"]["git_commit"]


def test_the_same_bundle_has_the_same_proof(sound: Signed, tmp_path: Path) -> None:
    signer = signing.load_signer(_options(sound), _content(sound))
    signing.sign(sound.folder, tmp_path, signer)
    for name in (proof.SIGNATURE, proof.PROVENANCE):
        assert (tmp_path / name).read_bytes() == (sound.proof / name).read_bytes()


def test_a_bundle_that_announces_another_signer_is_not_signed(sound: Signed) -> None:
    planned = keys.key_id(keys.read_public_key(sound.key))[:16]
    content = _content(sound)
    for announced, named in (
        ("unsigned", "nobody"),
        ({**content["signature"], "key_id": "ab" * 32}, "key abababababababab"),
    ):
        content["signature"] = announced
        with pytest.raises(ArtifactError) as refused:
            signing.load_signer(_options(sound), content)
        assert str(refused.value) == (
            f"manifest.json of linux: to be signed by {named}; "
            f"params.yaml says key {planned}: run `edgebake release` again"
        )


def _change_a_model(victim: Signed) -> None:
    """Have the manifest and its sums agree with another model of the same size."""
    model = victim.folder / "models/digits-ds_cnn-onnxruntime.onnx"
    model.write_bytes(model.read_bytes().swapcase())
    signed.rewrite(victim.folder, lambda _: None)


def _change_a_sample(victim: Signed) -> None:
    (victim.folder.parent / "linux.samples/classify.py").write_text("import os\n")


CHANGES: dict[str, tuple[Callable[[Signed], object], str]] = {
    "model": (
        _change_a_model,
        "provenance.json: of another build: it does not describe this manifest.json",
    ),
    "sample": (
        _change_a_sample,
        "linux.samples/classify.py: changed; its sha256 is not the provenance's",
    ),
    "measurements": (
        lambda victim: (victim.folder.parent / "linux.measurements.json").write_text("{}"),
        "linux.measurements.json: changed; its sha256 is not the provenance's",
    ),
    "file": (lambda victim: (victim.folder / "NOTICE").write_text("of a stranger"), "NOTICE: "),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES.keys())
def test_a_bundle_that_is_not_what_was_built_is_not_signed(
    sound: Signed, tmp_path: Path, change: Callable[[Signed], object], message: str
) -> None:
    victim = sound.copied(tmp_path)
    signer = signing.load_signer(_options(sound), _content(sound))
    change(victim)
    (tmp_path / "out").mkdir()
    with pytest.raises(ProofError) as refused:
        signing.sign(victim.folder, tmp_path / "out", signer)
    assert str(refused.value).startswith(message)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_key_that_stops_signing_halfway_is_named(sound: Signed, tmp_path: Path) -> None:
    signer = signing.load_signer(_options(sound), _content(sound))
    messages: list[bytes] = []

    def sign(message: bytes) -> bytes:
        messages.append(message)
        if len(messages) > 1:
            raise HostError("awskms: throttled")
        return signer.sign_unverified(message)

    with pytest.raises(HostError, match=r"^awskms: throttled$"):
        signing.sign(sound.folder, tmp_path, replace(signer, sign_unverified=sign))
    assert len(messages) == 2

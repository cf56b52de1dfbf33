"""Attacks on a bundle: names, and the messages with which `edgebake verify` refuses them."""

import io
import json
import os
import re
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edgebake import artifacts
from edgebake.bundle import manifest
from edgebake.bundle.trust import keys, provenance
from edgebake.cli import verify
from edgebake.cli.verify import VerifyOptions
from edgebake.errors import ProofError
from edgebake.recipe.stage_params import Plan
from tests import signed
from tests.signed import Signed, rewrite

INT8 = "models/digits-ds_cnn-int8-onnxruntime.onnx"
ODD_PATH = "an unusual path; expected only letters, digits and ._/@+-, at most 200 of them"
LABELS = "models/digits-ds_cnn-int8-onnxruntime.labels.txt"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Signed:
    return signed.make(tmp_path_factory.mktemp("sound"), planned)


@pytest.fixture(scope="module")
def second_bundle(tmp_path_factory: pytest.TempPathFactory, planned: Plan, sound: Signed) -> Signed:
    """Another build of the same release, signed by the same key."""
    private = sound.key.with_name("release.pem")
    return signed.make(tmp_path_factory.mktemp("other"), planned, right=980, key=private)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Signed:
    """The same release, signed by somebody else's key."""
    return signed.make(tmp_path_factory.mktemp("stranger"), planned)


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Signed:
    """The same release without a signature: what a stranger can make."""
    return signed.make(tmp_path_factory.mktemp("unsigned"), planned, signed=False)


@pytest.fixture
def victim(sound: Signed, tmp_path: Path) -> Signed:
    return sound.copied(tmp_path)


@pytest.fixture
def unsigned_victim(unsigned: Signed, tmp_path: Path) -> Signed:
    return unsigned.copied(tmp_path)


def _refused(bundle: Path, key: Path | None, **options: Any) -> str:
    with pytest.raises(ProofError) as refused:
        verify.verify(VerifyOptions(bundle, public_key=key, **options), Console(file=io.StringIO()))
    return str(refused.value)


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_sound_bundle_is_verified(sound: Signed, form: str) -> None:
    output = io.StringIO()
    verify.verify(
        VerifyOptions(getattr(sound, form), public_key=sound.key), Console(file=output, width=200)
    )
    assert output.getvalue().splitlines()[-1] == "digits 1.0.0 for linux: sound"


def test_a_flipped_byte_in_every_file(victim: Signed) -> None:
    files = sorted(file for file in victim.folder.rglob("*") if file.is_file())
    assert len(files) > 10
    for file in files:
        content = file.read_bytes()
        for offset in (0, len(content) // 2, len(content) - 1):
            file.write_bytes(
                content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :]
            )
            refused = _refused(victim.folder, victim.key)
            name = file.relative_to(victim.folder).as_posix()
            assert refused.endswith(f"differs from the signed one; changed: {name}"), offset
        file.write_bytes(content)


def test_a_flipped_byte_in_every_file_of_an_unsigned_bundle(unsigned_victim: Signed) -> None:
    folder = unsigned_victim.folder
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    assert len(files) > 10
    for file in files:
        content = file.read_bytes()
        for offset in (0, len(content) // 2, len(content) - 1):
            flipped = bytes([content[offset] ^ 1])
            file.write_bytes(content[:offset] + flipped + content[offset + 1 :])
            refused = _refused(folder, None, unsigned=True)
            assert refused.startswith(file.relative_to(folder).as_posix()), (offset, refused)
        file.write_bytes(content)


def test_a_flipped_byte_anywhere_in_the_zip(victim: Signed) -> None:
    content = victim.zip.read_bytes()
    for offset in range(0, len(content), max(1, len(content) // 60)):
        victim.zip.write_bytes(
            content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :]
        )
        _refused(victim.zip, victim.key)


def test_a_flipped_bit_in_every_byte_of_the_zips_directory(victim: Signed) -> None:
    content = victim.zip.read_bytes()
    for offset in range(content.index(b"PK\x01\x02"), len(content), 3):
        victim.zip.write_bytes(
            content[:offset] + bytes([content[offset] ^ (1 << offset % 8)]) + content[offset + 1 :]
        )
        _refused(victim.zip, victim.key)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"#!/bin/sh\necho hello; exit\n" + content,
        lambda content: content[:-2] + b"\x07\x00comment",
        lambda content: content + b"\x00" * 10,
    ],
    ids=["before", "comment", "behind"],
)
def test_bytes_that_belong_to_no_file_of_the_zip(
    victim: Signed, damage: Callable[[bytes], bytes]
) -> None:
    victim.zip.write_bytes(damage(victim.zip.read_bytes()))
    refused = _refused(victim.zip, victim.key)
    assert (
        "not the archive that edgebake makes of these files" in refused or "damaged zip" in refused
    )


@pytest.mark.parametrize("name", ["model.sig", "provenance.json"])
def test_a_flipped_byte_in_the_proof(victim: Signed, name: str) -> None:
    content = json.loads((victim.proof / name).read_text())
    envelope = content.get("dsseEnvelope", content)
    payload = envelope["payload"]
    envelope["payload"] = payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:]
    (victim.proof / name).write_text(json.dumps(content))
    expected = "not signed by this key" if name == "model.sig" else "changed since key"
    assert expected in _refused(victim.folder, victim.key)


Damage = Callable[[Path], object]


def _link(file: Path, to: str) -> None:
    file.symlink_to(to)


def _linked(folder: Path) -> None:
    (folder / INT8).rename(folder / "models/real.onnx")
    _link(folder / INT8, "real.onnx")


def _put(path: str, content: bytes) -> Damage:
    """Put a file into the bundle and into its lists."""

    def put(folder: Path) -> None:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
        rewrite(folder, lambda _: None)

    return put


def _gone(path: str) -> Damage:
    """Take a file out of the bundle and out of its lists."""

    def gone(folder: Path) -> None:
        (folder / path).unlink()
        rewrite(
            folder,
            lambda content: content.update(
                files=[entry for entry in content["files"] if entry["path"] != path]
            ),
        )

    return gone


def _named(edit: Callable[[dict[str, Any]], object]) -> Damage:
    return lambda folder: rewrite(folder, edit)


def _denied(folder: Path) -> None:
    bill = folder / "sbom.cdx.json"
    bill.write_text(bill.read_text().replace("CC-BY-4.0", "CC-BY-NC-4.0"))
    rewrite(folder, lambda content: content["licenses"][1].update(license="CC-BY-NC-4.0"))


def _oversized(folder: Path) -> None:
    with (folder / manifest.FILE).open("a") as file:
        file.write(" " * (5 << 20))


ATTACKS: dict[str, tuple[Damage, str]] = {
    "an added file": (
        lambda folder: (folder / "models/extra.bin").write_bytes(b"x"),
        "models/extra.bin: not in the manifest; it was added later",
    ),
    "an added file of git": (
        lambda folder: (folder / ".gitignore").write_bytes(b"x"),
        ".gitignore: not in the manifest; it was added later",
    ),
    "a removed file": (
        lambda folder: (folder / INT8).unlink(),
        f"{INT8}: not found, though the manifest lists it",
    ),
    "a removed manifest": (
        lambda folder: (folder / manifest.FILE).unlink(),
        "manifest.json: not found; expected it at the top of the bundle",
    ),
    "removed sums": (
        lambda folder: (folder / artifacts.SUMS).unlink(),
        "SHA256SUMS: not found; expected it at the top of the bundle",
    ),
    "a renamed folder": (
        lambda folder: (folder / "models").rename(folder / "model"),
        f"{LABELS}: not found, though the manifest lists it; "
        f"model/{LABELS.removeprefix('models/')} exists and is not listed",
    ),
    "an empty folder": (
        lambda folder: (folder / "extra").mkdir(),
        "extra: an empty folder; a bundle has none",
    ),
    "a longer file": (
        lambda folder: (folder / INT8).write_bytes(b"an int8 model and more"),
        f"{INT8}: 22 bytes; the manifest says 17",
    ),
    "a symlink": (
        lambda folder: _link(folder / "models/link.onnx", "/etc/hostname"),
        "models/link.onnx: a symbolic link; expected only files and folders",
    ),
    "a symlink in the place of a file": (
        _linked,
        f"{INT8}: a symbolic link; expected only files and folders",
    ),
    "a pipe": (
        lambda folder: os.mkfifo(folder / "models/pipe"),
        "models/pipe: a pipe; expected only files and folders",
    ),
    "`..` in the manifest": (
        _named(lambda content: content["files"][0].update(path="../../etc/passwd")),
        "manifest.json: files.0.path: '../../etc/passwd': a path outside of the bundle; "
        "expected one inside it",
    ),
    "an absolute path in the manifest": (
        _named(lambda content: content["targets"]["linux_any"].update(model="/etc/passwd")),
        "manifest.json: targets.linux_any.model: '/etc/passwd': a path outside of the bundle; "
        "expected one inside it",
    ),
    "an unknown schema version": (
        _named(lambda content: content.update(schema="edgebake.manifest/3")),
        "manifest.json: schema: 'edgebake.manifest/3'; "
        "this edgebake reads only edgebake.manifest/1 and edgebake.manifest/2",
    ),
    "an oversized manifest": (
        _oversized,
        r"manifest.json: 5,\d{3},\d{3} bytes; expected at most 4,194,304",
    ),
    "a manifest as deep as a stack": (
        lambda folder: (folder / manifest.FILE).write_text("[" * 100_000),
        "manifest.json: nested deeper than 64 levels; expected fewer",
    ),
    "a key twice in the manifest": (
        lambda folder: (folder / manifest.FILE).write_text(
            '{"schema": "edgebake.manifest/1", "schema": "x"}'
        ),
        "manifest.json: a key is repeated in one object; expected each key once",
    ),
    "a manifest that is a list": (
        lambda folder: (folder / manifest.FILE).write_text("[]"),
        "manifest.json: schema: None; "
        "this edgebake reads only edgebake.manifest/1 and edgebake.manifest/2",
    ),
    "a program in a model's clothes": (
        _put("models/extra.onnx", b"\x7fELF\x02\x01\x01\x00"),
        "models/extra.onnx: does not begin like a model of this format",
    ),
    "a program in a license's clothes": (
        _put("LICENSES/MIT.txt", b"\x7fELF\x02\x01\x01\x00\xff"),
        "LICENSES/MIT.txt: expected a text in UTF-8",
    ),
    "a script": (
        _put("NOTICE", b"#!/bin/sh\nrm -r /\n"),
        "NOTICE: a script, or has control characters; expected plain text",
    ),
    "a pickle": (
        _put("golden/extra.json", b"\x80\x04\x95"),
        "golden/extra.json: expected JSON: not UTF-8 at byte 0; expected plain UTF-8",
    ),
    "a native library": (
        _put("models/delegate.so", b"bytes"),
        "models/delegate.so: not a type of file that a bundle contains in this folder",
    ),
    "code in a place of its own": (
        _put("scripts/run.py", b"print()"),
        "scripts/run.py: not a type of file that a bundle contains in this folder",
    ),
    "lines for the terminal": (
        _named(lambda content: content.update(name="digits\x1b[2K\nsignature   sound")),
        "manifest.json: 'name': a control or invisible character; expected plain text",
    ),
    "half of a character": (
        _named(lambda content: content.update(description="\ud800")),
        "manifest.json: 'description': a control or invisible character; expected plain text",
    ),
    "a file that is listed twice": (
        _named(lambda content: content["files"].append(content["files"][0])),
        "manifest.json: files: a path is listed twice",
    ),
    "a model said to be encrypted": (
        _named(lambda content: content["targets"]["linux_any"].update(protection="encrypt")),
        "manifest.json: targets.linux_any.protection: encrypt; "
        "models/digits-ds_cnn-onnxruntime.onnx is plain",
    ),
    "a version of five thousand digits": (
        _named(
            lambda content: content["targets"]["linux_any"]["device"].update(minimum_os="9" * 5000)
        ),
        "manifest.json: targets.linux_any.device.minimum_os: 5,000 characters; expected at most 20",
    ),
    "an ingredient left out": (
        _named(lambda content: content["licenses"].pop()),
        "manifest.json: licenses: edgebake under Apache-2.0: not found; expected the same in both",
    ),
    "another license for the whole": (
        _named(lambda content: content.update(license="CC-BY-NC-4.0")),
        "manifest.json: licenses: expected the model once, as 'digits' under its own license",
    ),
    "no notice": (_gone("NOTICE"), "NOTICE: not found; expected the authors of the components"),
    "no text of a license": (
        _gone("LICENSES/CC-BY-4.0.txt"),
        "manifest.json: licenses: LICENSES/: no text of CC-BY-4.0, "
        "the license of data 'Optical Recognition of Handwritten Digits'",
    ),
    "a chain without an end": (
        _named(lambda content: (content["chain"].pop(), content["targets"].pop("linux_any"))),
        "manifest.json: chain: raspberry_pi_5: the last target of its platform requires soc, "
        "memory_mb; .*",
    ),
    "a chain that leaves a target out": (
        _named(lambda content: content["chain"].pop(0)),
        "manifest.json: chain: expected each target once: raspberry_pi_5, linux_any",
    ),
    "a model that is not there": (
        _named(lambda content: content["targets"]["linux_any"].update(model="models/none.onnx")),
        "manifest.json: targets.linux_any.model: models/none.onnx: not among the files",
    ),
    "a license that the release denies": (
        _denied,
        "manifest.json: licenses: recipes/release.yaml: licenses: "
        "data 'Optical Recognition of Handwritten Digits' is under CC-BY-NC-4.0: "
        "CC-BY-NC-4.0 is denied; .*",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_an_unsigned_folder_is_refused(attack: str, unsigned_victim: Signed) -> None:
    damage, message = ATTACKS[attack]
    damage(unsigned_victim.folder)
    refused = _refused(unsigned_victim.folder, None, unsigned=True)
    pattern = message if ".*" in message or r"\d" in message else re.escape(message)
    assert re.fullmatch(pattern, refused, re.DOTALL), refused


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_a_signed_folder_is_refused_before_it_is_parsed(
    attack: str, victim: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(*_: object) -> None:
        raise AssertionError("a bundle was parsed that its key did not sign")

    monkeypatch.setattr("edgebake.bundle.trust.manifest_check.read_manifest", parse)
    damage, message = ATTACKS[attack]
    damage(victim.folder)
    refused = _refused(victim.folder, victim.key)
    signed_message = f"{victim.proof}/model.sig: the bundle differs from the signed one; "
    assert refused.startswith(signed_message) or refused == message


def test_a_better_accuracy_all_sums_mended(victim: Signed) -> None:
    rewrite(
        victim.folder,
        lambda content: content["targets"]["linux_any"]["metrics"]["accuracy"].update(value=0.999),
    )
    assert _refused(victim.folder, victim.key) == (
        f"{victim.proof}/model.sig: the bundle differs from the signed one; "
        "changed: SHA256SUMS, manifest.json"
    )


def test_a_signature_taken_off(victim: Signed) -> None:
    rewrite(victim.folder, lambda content: content.update(signature="unsigned"))
    (victim.proof / "model.sig").unlink()
    assert _refused(victim.folder, victim.key) == (
        f"{victim.proof}/model.sig: not found; expected the signature of the bundle"
    )


def test_a_swapped_signature(victim: Signed, second_bundle: Signed) -> None:
    shutil.copy(second_bundle.proof / "model.sig", victim.proof)
    assert _refused(victim.folder, victim.key) == (
        f"{victim.proof}/model.sig: the bundle differs from the signed one; "
        "changed: MODEL_CARD.md, SHA256SUMS, manifest.json, sbom.cdx.json"
    )


def test_no_signature(victim: Signed) -> None:
    (victim.proof / "model.sig").unlink()
    assert _refused(victim.folder, victim.key) == (
        f"{victim.proof}/model.sig: not found; expected the signature of the bundle"
    )


def test_another_key(victim: Signed, stranger: Signed) -> None:
    assert re.fullmatch(
        r".*/model.sig: signed by key \w{16}; expected key \w{16} of .*release.pub.pem",
        _refused(victim.folder, stranger.key),
    )


def test_no_key(victim: Signed) -> None:
    with pytest.raises(
        ProofError, match=r"^signed by \w{16}; expected --key FILE, its public key$"
    ):
        verify.verify(VerifyOptions(victim.folder), Console(file=io.StringIO()))


def test_a_signature_by_a_stranger_who_named_himself_as_the_signer(
    victim: Signed, stranger: Signed
) -> None:
    shutil.copy(stranger.proof / "model.sig", victim.proof)
    assert re.match(
        r".*/model.sig: signed by key \w{16}; expected key \w{16} of ",
        _refused(victim.folder, victim.key),
    )


def test_a_provenance_of_another_build(victim: Signed, second_bundle: Signed) -> None:
    shutil.copy(second_bundle.proof / "provenance.json", victim.proof)
    assert _refused(victim.folder, victim.key) == (
        "provenance.json: of another build: it does not describe this manifest.json"
    )


def _provenance(victim: Signed, edit: Callable[[Any], object]) -> None:
    """Let who has the key sign another provenance."""
    file = victim.proof / "provenance.json"
    statement = provenance.unseal(file.read_bytes(), victim.key)
    edit(statement)
    private = victim.key.with_name("release.pem")
    file.write_bytes(provenance.seal(statement, keys.load_signer(f"file:{private}", victim.key)))


def _definition(statement: dict[str, Any]) -> dict[str, Any]:
    definition: dict[str, Any] = statement["predicate"]["buildDefinition"]
    return definition


CONTRADICTIONS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "dirty": (
        lambda statement: _definition(statement)["internalParameters"].update(dirty=True),
        "dirty: True; .* says False",
    ),
    "platform": (
        lambda statement: _definition(statement)["externalParameters"].update(platform="ios"),
        "platform: 'ios'; .*",
    ),
    "recipes": (
        lambda statement: _definition(statement)["externalParameters"].update(recipes={}),
        "recipes: {}; .*",
    ),
    "commit": (
        lambda statement: _definition(statement)["resolvedDependencies"][0]["digest"].update(
            gitCommit="ab" * 20
        ),
        "commit: 'abab.*",
    ),
}


@pytest.mark.parametrize("word", CONTRADICTIONS)
def test_a_provenance_that_contradicts_the_manifest(victim: Signed, word: str) -> None:
    edit, message = CONTRADICTIONS[word]
    _provenance(victim, edit)
    assert re.fullmatch(f"provenance.json: {message}", _refused(victim.folder, victim.key))


def test_an_endless_provenance(victim: Signed) -> None:
    with (victim.proof / "provenance.json").open("ab") as file:
        file.write(b" " * (5 << 20))
    assert "expected at most 4,194,304" in _refused(victim.folder, victim.key)


def test_a_provenance_by_a_stranger(victim: Signed, stranger: Signed) -> None:
    shutil.copy(stranger.proof / "provenance.json", victim.proof)
    assert re.match(
        r"provenance: signed by key \w{16}; expected key \w{16} of ",
        _refused(victim.folder, victim.key),
    )


def test_no_provenance(victim: Signed) -> None:
    (victim.proof / "provenance.json").unlink()
    assert "provenance.json: not found; expected the provenance" in _refused(
        victim.folder, victim.key
    )


def test_a_zip_whose_models_are_another_build_s(victim: Signed, second_bundle: Signed) -> None:
    shutil.copy(second_bundle.zip, victim.zip)
    assert "/model.sig: the bundle differs from the signed one; changed: " in _refused(
        victim.zip, victim.key
    )


def _zip(file: Path, *entries: tuple[str, bytes, int]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content, how in entries:
            archive.writestr(zipfile.ZipInfo(name), content, how)


def test_a_zip_bomb(victim: Signed) -> None:
    _zip(victim.zip, ("models/big.bin", bytes(50 << 20), zipfile.ZIP_DEFLATED))
    assert re.fullmatch(
        r"models/big.bin: packed to [\d,]+ bytes for 52,428,800; expected it stored .*",
        _refused(victim.zip, victim.key),
    )


def test_a_zip_bomb_of_entries_that_lie_over_each_other(victim: Signed) -> None:
    content = bytes(100_000)
    names = [f"models/{number}.bin" for number in range(20)]
    _zip(victim.zip, (names[0], content, zipfile.ZIP_STORED))
    whole = victim.zip.read_bytes()
    start = whole.index(b"PK\x01\x02")
    local, end = whole[:start], whole[whole.index(b"PK\x05\x06") :]
    first = whole[start : whole.index(b"PK\x05\x06")]
    directory = b"".join(_renamed(first, names[0], name) for name in names)
    fields = list(struct.unpack("<4s4H2LH", end[:22]))
    fields[3], fields[4], fields[5] = len(names), len(names), len(directory)
    victim.zip.write_bytes(local + directory + struct.pack("<4s4H2LH", *fields))
    assert "entries overlap" in _refused(victim.zip, victim.key)


def _renamed(entry: bytes, name: str, to: str) -> bytes:
    length = struct.pack("<H", len(to))
    return entry[:28] + length + entry[30:46] + to.encode() + entry[46 + len(name) :]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../escape.txt", "'../escape.txt': a path outside of the bundle; expected one inside it"),
        (
            "/etc/cron.d/evil",
            "'/etc/cron.d/evil': a path outside of the bundle; expected one inside it",
        ),
        (
            "models\\..\\evil",
            r"'models\\..\\evil': a path outside of the bundle; expected one inside it",
        ),
        ("models/./evil", f"'models/./evil': {ODD_PATH}"),
        ("mödels/x", f"'mödels/x': {ODD_PATH}"),
        ("a" * 201, f"'{'a' * 201}': {ODD_PATH}"),
    ],
)
def test_a_path_trick_in_the_zip(victim: Signed, name: str, message: str) -> None:
    _zip(victim.zip, (name, b"x", zipfile.ZIP_STORED))
    assert _refused(victim.zip, victim.key) == message
    assert not (victim.zip.parent.parent / "escape.txt").exists()


def test_a_symlink_in_the_zip(victim: Signed) -> None:
    entry = zipfile.ZipInfo("models/link")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(victim.zip, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert (
        _refused(victim.zip, victim.key)
        == "models/link: a symbolic link; expected only files and folders"
    )


def test_a_path_twice_in_the_zip(victim: Signed) -> None:
    _zip(victim.zip, ("models/a", b"x", zipfile.ZIP_STORED), ("models/A", b"y", zipfile.ZIP_STORED))
    assert _refused(victim.zip, victim.key) == (
        "models/A: listed twice, also as models/a; expected each path once, ignoring case"
    )


def test_more_files_than_a_bundle_has(victim: Signed) -> None:
    _zip(victim.zip, *((f"models/{number}", b"", zipfile.ZIP_STORED) for number in range(2_001)))
    assert _refused(victim.zip, victim.key) == "2,001 files and folders; expected at most 2,000"


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 and no end"])
def test_what_is_no_bundle(victim: Signed, content: bytes) -> None:
    victim.zip.write_bytes(content)
    assert _refused(victim.zip, victim.key) == (
        f"{victim.zip}: not a bundle; expected a folder or a zip that edgebake made"
    )


def test_a_key_is_never_dropped_because_the_bundle_says_that_it_is_unsigned(
    tmp_path: Path, planned: Plan
) -> None:
    made = signed.make(tmp_path, planned, signed=False)
    refused = _refused(made.zip, made.key, unsigned=True)
    assert refused == f"{made.proof}/model.sig: not found; expected the signature of the bundle"


def test_a_bundle_that_is_not_there(victim: Signed) -> None:
    missing = victim.zip.with_name("nothing.zip")
    assert (
        _refused(missing, victim.key)
        == f"{missing}: not found; expected a folder or a zip that edgebake made"
    )


def test_an_unsigned_bundle_is_refused_until_it_is_asked_for(tmp_path: Path, planned: Plan) -> None:
    made = signed.make(tmp_path, planned, signed=False)
    with pytest.raises(
        ProofError, match=r"^unsigned, as its manifest says; expected a signature, or --unsigned"
    ):
        verify.verify(VerifyOptions(made.zip), Console(file=io.StringIO()))
    output = io.StringIO()
    verify.verify(VerifyOptions(made.zip, unsigned=True), Console(file=output, width=200))
    assert output.getvalue().splitlines()[-1] == "digits 1.0.0 for linux: sound, but unsigned"

"""What an unsigned bundle, or whoever has a key, may not say: each case is refused by name."""

import io
import json
import os
import shutil
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

MODEL = "models/digits-ds_cnn-onnxruntime.onnx"
LABELS = "models/digits-ds_cnn-int8-onnxruntime.labels.txt"
GOLDEN = "golden/digits-ds_cnn-int8-onnxruntime.json"
INVISIBLE = "a control or invisible character; expected plain text"
Content = dict[str, Any]
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Signed:
    return signed.make(tmp_path_factory.mktemp("unsigned"), planned, signed=False)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Signed:
    return signed.make(tmp_path_factory.mktemp("sound"), planned)


@pytest.fixture
def victim(unsigned: Signed, tmp_path: Path) -> Signed:
    return unsigned.copied(tmp_path)


@pytest.fixture
def signed_victim(sound: Signed, tmp_path: Path) -> Signed:
    return sound.copied(tmp_path)


def _verify(options: VerifyOptions) -> list[str]:
    output = io.StringIO()
    verify.verify(options, Console(file=output, width=500))
    return output.getvalue().splitlines()


def _refused(options: VerifyOptions) -> str:
    with pytest.raises(ProofError) as refused:
        _verify(options)
    return str(refused.value)


def _edit(edit: Callable[[Content], object]) -> Damage:
    return lambda folder: rewrite(folder, edit)


def _targets(edit: Callable[[Any], object]) -> Damage:
    def edit_all(content: Content) -> None:
        for target in content["targets"].values():
            edit(target)

    return _edit(edit_all)


def _step(name: str, **values: Any) -> Damage:
    def edit(target: Any) -> None:
        for step in target["preprocessing"]:
            if step["step"] == name:
                step.update(values)

    return _targets(edit)


def _put(path: str, data: bytes) -> Damage:
    def put(folder: Path) -> None:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
        rewrite(folder, lambda _: None)

    return put


def _append(path: str, data: bytes) -> Damage:
    return lambda folder: _put(path, (folder / path).read_bytes() + data)(folder)


def _golden(edit: Callable[[Any], object]) -> Damage:
    def damage(folder: Path) -> None:
        content = json.loads((folder / GOLDEN).read_text())
        edit(content)
        _put(GOLDEN, json.dumps(content).encode())(folder)

    return damage


def _manifest(change: Callable[[bytes], bytes]) -> Damage:
    def damage(folder: Path) -> None:
        file = folder / manifest.FILE
        file.write_bytes(change(file.read_bytes()))
        (folder / artifacts.SUMS).write_text(artifacts.sums(folder))

    return damage


def _named(name: str) -> Damage:
    def edit(content: Content) -> None:
        content["name"] = name
        for entry in content["licenses"]:
            if entry["kind"] == "model":
                entry["name"] = name

    return _edit(edit)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("classes.dex", b"dex\n035\0")
    return buffer.getvalue()


def _field(data: bytes) -> bytes:
    """Return a field of ONNX, doc_string, that holds data of up to 16,383 bytes."""
    length = len(data)
    return b"\x32" + bytes([length & 0x7F | 0x80, length >> 7]) + data


NO_FIELD = f"{MODEL}: has bytes that are no field of a model of this format"
NAME = "a name that begins and ends with a letter, digit or mark"
CASES: dict[str, tuple[Damage, str]] = {
    "NaN as accuracy": (
        _targets(lambda target: target["metrics"]["accuracy"].update(value=float("nan"))),
        "manifest.json: the number NaN; expected finite numbers",
    ),
    "NaN as mean": (
        _step("normalize", mean=float("nan")),
        "manifest.json: the number NaN; expected finite numbers",
    ),
    "Infinity as scale": (
        _step("normalize", scale=float("inf")),
        "manifest.json: the number Infinity; expected finite numbers",
    ),
    "1e999 as size": (
        _manifest(lambda text: text.replace(b'"size": ', b'"size": 1e999, "s": ', 1)),
        "manifest.json: the number 1e999; expected finite numbers",
    ),
    "a byte order mark": (
        _manifest(lambda text: b"\xef\xbb\xbf" + text),
        "manifest.json: begins with a byte order mark; expected plain UTF-8",
    ),
    "UTF-16": (
        _manifest(lambda text: text.decode().encode("utf-16")),
        "manifest.json: begins with a byte order mark; expected plain UTF-8",
    ),
    "UTF-16 without a mark": (
        _manifest(lambda text: text.decode().encode("utf-16-le")),
        "manifest.json: not valid JSON: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)",
    ),
    "objects 50,000 deep": (
        _manifest(lambda _: b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
        "manifest.json: nested deeper than 64 levels; expected fewer",
    ),
    "a million empty lists": (
        _manifest(lambda _: b"[" + b"[]," * 600_000 + b"[]]"),
        "manifest.json: 1,200,002 commas and brackets; expected at most 1,000,000",
    ),
    "an image of 2,000,000,000 pixels a side": (
        _step("resize", width=2_000_000_000),
        "manifest.json: targets.raspberry_pi_5.preprocessing[1].width: "
        "2000000000 is greater than the maximum of 16384",
    ),
    "a file of 10^400 bytes": (
        _edit(lambda content: content["files"][0].update(size=10**400)),
        f"manifest.json: files[0].size: 1{'0' * 199}...",
    ),
    "a name with a bidirectional override": (
        _named("digits\u202etfosorciM"),
        f"manifest.json: 'name': {INVISIBLE}",
    ),
    "a name of zero width": (_named("dig\u200bits"), f"manifest.json: 'name': {INVISIBLE}"),
    "a name of blank letters": (_named("\u3164\u2800"), f"manifest.json: 'name': {INVISIBLE}"),
    "a name of blanks": (_named("   "), f"manifest.json: name: '   '; expected {NAME}"),
    "a name of 100,000 letters": (
        _named("d" * 100_000),
        "manifest.json: name: 100,000 characters; expected at most 200",
    ),
    "an invisible key": (
        _targets(lambda target: target["tools"].update({"num\u200bpy": "2"})),
        "manifest.json: 'targets.raspberry_pi_5.tools.num\\u200bpy': " + INVISIBLE,
    ),
    "a version that is none": (
        _edit(lambda content: content.update(version="latest; rm -rf ~")),
        "manifest.json: version: 'latest; rm -rf ~'; expected MAJOR.MINOR.PATCH, for example 1.4.0",
    ),
    "a commit of 40 zeros": (
        _edit(lambda content: content["source"].update(git_commit="0" * 40)),
        f"manifest.json: source.git_commit: '{'0' * 40}'; expected the hash of a commit",
    ),
    "101 targets": (
        _edit(
            lambda content: content.update(
                targets={f"t{i}": content["targets"]["linux_any"] for i in range(101)}
            )
        ),
        "manifest.json: targets: 101 entries; expected at most 100",
    ),
    "301 licenses": (
        _edit(lambda content: content.update(licenses=content["licenses"][:1] * 301)),
        "manifest.json: licenses: 301 entries; expected at most 300",
    ),
    "501 excluded devices": (
        _targets(
            lambda target: target["device"].update(excluded_devices=[f"d{i}" for i in range(501)])
        ),
        "manifest.json: targets.raspberry_pi_5.device.excluded_devices: "
        "501 entries; expected at most 500",
    ),
    "a license of 1,001 letters": (
        _edit(lambda content: content["licenses"][1].update(license="M" * 1001)),
        "manifest.json: licenses[1].license: 1,001 characters; expected at most 1,000",
    ),
    "labels fewer than the model's outputs": (
        _targets(lambda target: target.update(labels=target["labels"][:1])),
        "manifest.json: targets.raspberry_pi_5.labels: 1 labels for an output of 10; "
        "expected one for each class",
    ),
    "labels other than labels.txt": (
        _targets(lambda target: target.update(labels=target["labels"][::-1])),
        f"{LABELS}: not the labels of manifest.json: targets.raspberry_pi_5.labels; "
        "expected the same",
    ),
    "golden vectors that are a list": (
        _put(GOLDEN, b"[]"),
        f"{GOLDEN}: examples: none; expected at least one",
    ),
    "golden vectors without examples": (
        _golden(lambda golden: golden.update(examples=[])),
        f"{GOLDEN}: examples: none; expected at least one",
    ),
    "golden vectors that accept any output": (
        _golden(lambda golden: golden["tolerances"].update(output=1e9)),
        f"{GOLDEN}: tolerances.output: 1000000000.0; expected a number above 0, at most 0.1",
    ),
    "golden vectors that accept any input": (
        _golden(lambda golden: golden["tolerances"].update(tensor=1e9)),
        f"{GOLDEN}: tolerances.tensor: 1000000000.0; expected a number above 0, at most 0.008627",
    ),
    "golden vectors without tolerances": (
        _golden(lambda golden: golden.pop("tolerances")),
        f"{GOLDEN}: tolerances.tensor: None; expected a number above 0, at most 0.008627",
    ),
    "golden vectors of null": (
        _golden(lambda golden: golden.update(examples=[None])),
        f"{GOLDEN}: examples[0]: expected an object",
    ),
    "golden vectors with a number as name": (
        _golden(lambda golden: golden["examples"][0].update(name=7)),
        f"{GOLDEN}: examples[0]: name: expected a text",
    ),
    "golden vectors without an image": (
        _golden(lambda golden: golden["examples"][0].update(image="AAAA")),
        f"{GOLDEN}: examples[0]: image: expected a PNG in base64",
    ),
    "golden vectors of another shape": (
        _golden(lambda golden: golden["examples"][0]["tensor"].update(shape=[1, 1, 1, 1])),
        f"{GOLDEN}: examples[0]: tensor: another dtype or shape than the target's input; "
        "expected the same",
    ),
    "golden vectors cut short": (
        _golden(lambda golden: golden["examples"][0]["tensor"].update(data="AAAA")),
        f"{GOLDEN}: examples[0]: tensor: data: 3 bytes; expected 4,096",
    ),
    "golden vectors of text": (
        _golden(lambda golden: golden["examples"][0].update(output=["1"] * 10)),
        f"{GOLDEN}: examples[0]: output: expected 10 numbers, one for each label",
    ),
    "golden vectors of another label": (
        _golden(lambda golden: golden["examples"][0].update(label="eleven")),
        f"{GOLDEN}: examples[0]: label: expected one of the target's labels",
    ),
    "golden vectors without an answer": (
        _golden(lambda golden: golden["examples"][0].pop("answer")),
        f"{GOLDEN}: examples[0]: answer: expected a list of labels and probabilities",
    ),
    "golden vectors of 100 MB": (
        _put(GOLDEN, b"[" + b"[]," * 25_000_000 + b"[]]"),
        f"{GOLDEN}: 75,000,004 bytes; expected at most 67,108,864",
    ),
    "a license text of another license": (
        _put("LICENSES/MIT.txt", b"All rights reserved.\n"),
        "manifest.json: licenses: LICENSES/MIT.txt: not the text of MIT; "
        "expected that of https://spdx.org/licenses",
    ),
    "an empty license text": (
        _put("LICENSES/MIT.txt", b""),
        "LICENSES/MIT.txt: empty; expected a text",
    ),
    "a license text of no component": (
        _put("LICENSES/LicenseRef-Other.txt", b"All rights reserved.\n"),
        "manifest.json: licenses: LICENSES/LicenseRef-Other.txt: of no component; "
        "expected it left out",
    ),
    "an empty NOTICE": (_put("NOTICE", b""), "NOTICE: empty; expected a text"),
    "a NOTICE of something else": (
        _put("NOTICE", b": ; rm -rf ~\n"),
        "NOTICE: no line 'digits 1.0.0, by The edgebake developers'; expected every component",
    ),
    "a NOTICE of 2 MiB": (
        _put("NOTICE", b"a" * (2 << 20)),
        "NOTICE: 2,097,152 bytes; expected at most 1,048,576",
    ),
    "HTML in the model card": (
        _put("MODEL_CARD.md", b"<script>fetch('http://evil')</script>"),
        "MODEL_CARD.md: has HTML; expected Markdown without it",
    ),
    "escape sequences in the model card": (
        _put("MODEL_CARD.md", b"\x1b]0;x\x07\x1b[2K"),
        "MODEL_CARD.md: a script, or has control characters; expected plain text",
    ),
    "a zip behind a model": (_append(MODEL, _zip()), NO_FIELD),
    "a zip in a field of a model": (
        _append(MODEL, _field(_zip())),
        f"{MODEL}: has a zip behind the model; expected the model alone",
    ),
    "an ELF program in a field of a model": (
        _append(MODEL, _field(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00")),
        f"{MODEL}: has an ELF program inside; expected the model alone",
    ),
    "a program of Android in a field of a model": (
        _append(MODEL, _field(b"dex\n035\0" + bytes(20))),
        f"{MODEL}: has a program for Android inside; expected the model alone",
    ),
    "a byte behind a model": (_append(MODEL, b"\0"), NO_FIELD),
    "anything after eight bytes of a model": (
        _put(MODEL, b"\x08\0\0\0\x7fELF" + bytes(100)),
        NO_FIELD,
    ),
    "a file of no target": (
        _put("models/aux.labels.txt", b"0\n"),
        "models/aux.labels.txt: of no target; expected only files that a target names",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_bundle_is_refused(case: str, victim: Signed) -> None:
    damage, message = CASES[case]
    damage(victim.folder)
    assert _refused(VerifyOptions(victim.folder, unsigned=True)) == message


def _reprove(victim: Signed, edit: Callable[[Any], object]) -> None:
    file = victim.proof / "provenance.json"
    statement = provenance.unseal(file.read_bytes(), None)
    edit(statement)
    file.write_bytes(provenance.seal(statement, None))


def _definition(statement: Any) -> Any:
    return statement["predicate"]["buildDefinition"]


SUBJECT = {"name": "other.zip", "digest": {"sha256": "0" * 64}}
ODD_PROVENANCE: dict[str, tuple[Callable[[Any], object], str]] = {
    "a subject of no file": (
        lambda statement: statement["subject"].append(SUBJECT),
        "provenance.json: subject: other.zip: of no file of the build",
    ),
    "a subject twice": (
        lambda statement: statement["subject"].append(SUBJECT | {"name": "manifest.json"}),
        "provenance: subject: manifest.json twice; expected it once",
    ),
    "another builder": (
        lambda statement: statement["predicate"]["runDetails"]["builder"].update(id="https://x"),
        "provenance: predicate.runDetails.builder.id: 'https://x'; "
        "expected 'urn:edgebake:builder:v1'",
    ),
    "another build type": (
        lambda statement: _definition(statement).update(buildType="x"),
        "provenance: predicate.buildDefinition.buildType: 'x'; expected 'urn:edgebake:build:v1'",
    ),
    "no data": (
        lambda statement: _definition(statement)["resolvedDependencies"].pop(2),
        "provenance.json: resolvedDependencies: expected dvc.lock once, and the training data",
    ),
    "two commits": (
        lambda statement: _definition(statement)["resolvedDependencies"].append(
            {"name": "source", "digest": {"gitCommit": "1" * 40}}
        ),
        "provenance: names 2 git commits; expected one in resolvedDependencies",
    ),
    "a list for the predicate": (
        lambda statement: statement.update(predicate=[]),
        "provenance: predicate: [] is not of type 'object'",
    ),
    "a number for dirty": (
        lambda statement: _definition(statement)["internalParameters"].update(dirty=0),
        "provenance: predicate.buildDefinition.internalParameters.dirty: "
        "0 is not of type 'boolean'",
    ),
    "a number for a digest": (
        lambda statement: statement["subject"][0]["digest"].update(sha256=5),
        "provenance: subject[0].digest.sha256: 5; expected a SHA-256 digest",
    ),
    "a list for a digest": (
        lambda statement: statement["subject"][0].update(digest=["sha256"]),
        "provenance: subject[0].digest: ['sha256'] is not of type 'object'",
    ),
    "null for a dependency": (
        lambda statement: _definition(statement)["resolvedDependencies"].insert(0, None),
        "provenance: predicate.buildDefinition.resolvedDependencies[0]: "
        "None is not of type 'object'",
    ),
}


@pytest.mark.parametrize("case", ODD_PROVENANCE)
def test_an_odd_provenance_is_refused(case: str, victim: Signed) -> None:
    edit, message = ODD_PROVENANCE[case]
    _reprove(victim, edit)
    assert _refused(VerifyOptions(victim.folder, unsigned=True)) == message


def test_a_provenance_without_a_tool_of_the_manifest_is_refused(victim: Signed) -> None:
    def drop_tools(statement: Any) -> None:
        dependencies = _definition(statement)["resolvedDependencies"]
        dependencies[:] = [entry for entry in dependencies if "digest" in entry]

    _reprove(victim, drop_tools)
    refused = _refused(VerifyOptions(victim.folder, unsigned=True))
    assert refused.startswith("provenance.json: resolvedDependencies: no ")
    assert refused.endswith(", which the manifest names as a tool; expected every tool")


def _key(victim: Signed) -> VerifyOptions:
    return VerifyOptions(victim.zip, public_key=victim.key)


BESIDE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed sample": (
        lambda folder: (folder / "linux.samples/classify.py").write_text("import os\n"),
        "linux.samples/classify.py: changed; its sha256 is not the provenance's",
    ),
    "an added sample": (
        lambda folder: (folder / "linux.samples/setup.py").write_text("import os\n"),
        "linux.samples/setup.py: not in the provenance; it was added later",
    ),
    "a removed sample": (
        lambda folder: (folder / "linux.samples/classify.py").unlink(),
        "linux.samples/classify.py: not found, though the provenance names it",
    ),
    "a linked sample": (
        lambda folder: (folder / "linux.samples/x.py").symlink_to("/etc/passwd"),
        "linux.samples/x.py: a symbolic link; expected a regular file",
    ),
    "changed measurements": (
        lambda folder: (folder / "linux.measurements.json").write_text("{}"),
        "linux.measurements.json: changed; its sha256 is not the provenance's",
    ),
}


@pytest.mark.parametrize("case", BESIDE)
def test_what_lies_beside_a_bundle_is_held(case: str, signed_victim: Signed) -> None:
    damage, message = BESIDE[case]
    damage(signed_victim.zip.parent)
    assert _refused(_key(signed_victim)) == message


def test_what_is_not_beside_the_bundle_is_said(signed_victim: Signed) -> None:
    folder = signed_victim.zip.parent
    both = "companions  3 samples as in the provenance; measurements as in the provenance"
    assert both in _verify(_key(signed_victim))
    shutil.rmtree(folder / "linux.samples")
    (folder / "linux.measurements.json").unlink()
    assert "companions  no samples here; no measurements here" in _verify(_key(signed_victim))


def _replace(file: Path) -> Path:
    """Remove a file, and return its path."""
    file.unlink()
    return file


PROOF: dict[str, tuple[Callable[[Path], object], str]] = {
    "an added file": (
        lambda proof: (proof / "evil.txt").write_text("x"),
        "evil.txt: not part of a proof; expected only model.sig, provenance.json, SHA256SUMS",
    ),
    "a link": (
        lambda proof: _replace(proof / "provenance.json").symlink_to("/dev/zero"),
        "provenance.json: a symbolic link; expected a regular file",
    ),
    "a pipe": (
        lambda proof: os.mkfifo(_replace(proof / "model.sig")),
        "model.sig: a pipe; expected a regular file",
    ),
}


@pytest.mark.parametrize("case", PROOF)
def test_a_proof_of_other_files_is_refused(case: str, signed_victim: Signed) -> None:
    damage, message = PROOF[case]
    damage(signed_victim.proof)
    assert _refused(_key(signed_victim)) == f"{signed_victim.proof}/{message}"


def test_an_older_release_or_another_platform_is_not_what_was_expected(
    signed_victim: Signed,
) -> None:
    bundle = signed_victim.zip
    for wanted in (("digits", "1.0.1", "linux"), ("digits", "1.0.0", "ios")):
        options = VerifyOptions(bundle, public_key=signed_victim.key, expect=wanted)
        name, version, platform = wanted
        assert _refused(options) == (
            f"{bundle}: digits 1.0.0 for linux; expected {name} {version} for {platform}"
        )
    right = VerifyOptions(bundle, public_key=signed_victim.key, expect=("digits", "1.0.0", "linux"))
    assert _verify(right)[0] == "release     digits 1.0.0 for linux, as expected"


def test_a_bundle_renamed_to_another_platform_is_refused(signed_victim: Signed) -> None:
    bundle = signed_victim.zip.rename(signed_victim.zip.with_name("android.zip"))
    signed_victim.proof.rename(signed_victim.proof.with_name("android.proof"))
    assert _refused(VerifyOptions(bundle, public_key=signed_victim.key)) == (
        f"{bundle}: digits 1.0.0 for linux; expected a bundle for android, as it is named"
    )


def test_the_release_is_printed_with_what_it_was_not_compared_with(signed_victim: Signed) -> None:
    assert _verify(_key(signed_victim))[0] == (
        "release     digits 1.0.0 for linux; "
        "not compared with what you want: --expect NAME VERSION PLATFORM"
    )


def test_kinds_and_signature_say_what_they_check(victim: Signed) -> None:
    lines = _verify(VerifyOptions(victim.folder, unsigned=True))
    assert lines[1] == (
        "signature   none, as the manifest says: "
        "anyone can have made this bundle and its provenance"
    )
    assert lines[3] == (
        "kinds       models by their first bytes, no archive or program in them; plain texts; JSON"
    )


def test_a_signature_of_an_unsigned_bundle_is_refused(victim: Signed) -> None:
    (victim.proof / "model.sig").write_text("{}")
    assert _refused(VerifyOptions(victim.folder, unsigned=True)) == (
        f"{victim.proof}/model.sig: of an unsigned bundle; expected no signature"
    )


def test_a_bundle_signed_by_a_key_that_its_manifest_does_not_name(
    signed_victim: Signed, tmp_path: Path, planned: Plan
) -> None:
    """Whoever has the key signs a bundle that says that it is unsigned."""
    from edgebake.bundle.trust import signature

    rewrite(signed_victim.folder, lambda content: content.update(signature="unsigned"))
    private = signed_victim.key.with_name("release.pem")
    signer = keys.load_signer(f"file:{private}", signed_victim.key)
    signature.sign(signed_victim.folder, signed_victim.proof / "model.sig", signer)
    key_id = keys.key_id(signer.public_key)[:16]
    assert _refused(VerifyOptions(signed_victim.folder, public_key=signed_victim.key)) == (
        f"manifest.json: signature: unsigned; expected key {key_id}"
    )


def test_a_decision_that_the_policy_does_not_make_is_refused(
    victim: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgebake.bundle.trust import license_check, manifest_check
    from edgebake.recipe import Licenses

    content = manifest_check.read_manifest(victim.folder)
    policy = Licenses(allow=["Apache-2.0", "MIT"], review=["CC-BY-4.0"], deny=[])
    with pytest.raises(ProofError) as refused:
        license_check.check_licenses(victim.folder, content, policy)
    assert str(refused.value) == (
        "manifest.json: licenses: 'Optical Recognition of Handwritten Digits': "
        "decision: allow; the policy says review"
    )


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (os.mkfifo, "a pipe"),
    "a link to a folder": (lambda path: path.symlink_to("/etc"), "a symbolic link to a folder"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_of_another_kind_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    make, what = KINDS[kind]
    bundle = tmp_path / "linux.zip"
    make(bundle)
    assert _refused(VerifyOptions(bundle, unsigned=True)) == (
        f"{bundle}: {what}; expected a folder or a zip that edgebake made"
    )

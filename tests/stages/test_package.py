"""Package judges measurements: a reproducible bundle, or a table of gates and no bundle."""

import base64
import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from edgebake import artifacts
from edgebake.bundle import bundle_files, manifest
from edgebake.bundle.trust import decryption, keys
from edgebake.cli import keygen
from edgebake.errors import ArtifactError, GateError, LicenseError, RecipeError
from edgebake.recipe.stage_params import read_plan
from tests import measured
from tests.stages import alone

LINUX, FALLBACK = "digits-ds_cnn-int8-onnxruntime", "digits-ds_cnn-onnxruntime"
ANDROID = {
    "digits-ds_cnn-int8-litert": b"TFL3 int8",
    "digits-ds_cnn-channels-int8-litert": b"TFL3 half in int8",
    "digits-ds_cnn-float16-litert": b"TFL3 float16",
}
IOS = ("digits-ds_cnn-float16-coreml", "digits-ds_cnn-palettized-coreml")
BUNDLE = artifacts.folder("package", "linux")
REFUSED_LINUX = """\
linux: no bundle, 2 of 14 gates not passed
  target           gate       limit           measured   bound             n       where                       verdict
 ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  raspberry_pi_5   accuracy   at least 0.95   0.92       0.9044 at 0.95    1,000   host (some CPU, 1 thread)   failed
  raspberry_pi_5   speedup    at least 0.5    0.4x       0.3928x at 0.95   1,024   host (some CPU, 1 thread)   failed"""  # noqa: E501 - printed table

pytestmark = pytest.mark.usefixtures("committed")


def _validated(platform: str, convert: str, files: dict[str, bytes], **found: Any) -> None:
    """Lay out what validate writes of one converted file."""
    below = {f"files/{name}": content for name, content in files.items()}
    measured.lay(f"{convert}-{platform}", platform, files=below, **found)


def _linux(**found: Any) -> None:
    """Lay out measurements of the Raspberry Pi's file, and sound ones of all others."""
    _validated("linux", LINUX, {"model.onnx": b"an onnx model"}, **found)
    _validated("linux", FALLBACK, {"model.onnx": b"a float model"})


def _android(**found: Any) -> None:
    for convert, content in ANDROID.items():
        _validated("android", convert, {"model.tflite": content}, **found)


def _ios(**found: Any) -> None:
    package = {
        "model.mlpackage/Data/weight.bin": b"weights",
        "model.mlpackage/Manifest.json": b"{}",
    }
    for convert in IOS:
        _validated("ios", convert, package, **found)


def test_a_bundle_is_its_models_and_all_that_describes_them() -> None:
    _linux()
    ran = alone.run("package", "linux")
    assert ran.line == "2 targets, artifacts/package/linux.zip"
    assert ran.files()[f"models/{LINUX}.onnx"] == b"an onnx model"
    assert ran.files()[f"models/{LINUX}.labels.txt"] == b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    assert sorted(ran.files()) == [
        *(f"LICENSES/{name}.txt" for name in ("Apache-2.0", "CC-BY-4.0", "MIT")),
        *("MODEL_CARD.md", "NOTICE"),
        *(f"golden/{name}.json" for name in (LINUX, FALLBACK)),
        "manifest.json",
        *(
            f"models/{name}.{ending}"
            for name in (LINUX, FALLBACK)
            for ending in ("labels.txt", "onnx")
        ),
        "sbom.cdx.json",
    ]


def test_sample_code_lies_beside_the_bundle_and_not_in_it() -> None:
    _linux()
    ran = alone.run("package", "linux")
    beside = artifacts.read_files(BUNDLE.with_name("linux.samples"))
    assert {"classify.py", "README.md"} <= set(beside)
    assert not [name for name in ran.files() if name.endswith((".py", ".kt", ".swift"))]


def test_a_license_that_the_release_denies_stops_the_bundle_and_names_what_brought_it_in() -> None:
    alone.set_param("package", "linux", "licenses", "allow", value=["Apache-2.0", "MIT"])
    alone.set_param("package", "linux", "licenses", "deny", value=["CC-BY-4.0"])
    _linux()
    with pytest.raises(LicenseError) as refused:
        alone.run("package", "linux")
    assert str(refused.value) == (
        "recipes/release.yaml: licenses: data 'Optical Recognition of Handwritten "
        "Digits' is under CC-BY-4.0: "
        "CC-BY-4.0 is denied; expected licenses in `allow` or `review`, and the text "
        "of each LicenseRef- in LICENSES/"
    )
    assert not BUNDLE.exists()


def test_the_manifest_says_who_will_sign_without_a_secret() -> None:
    private = Path("release.pem")
    keygen.keygen(private, encryption=False)
    public = keygen.public_half(private)
    private.unlink()
    alone.set_param(
        "package", "linux", "signature", value={"key": f"file:{private}", "public_key": str(public)}
    )
    alone.set_param(
        "package", "linux", "public_key_sha256", value=artifacts.sha256(public.read_bytes())
    )
    _linux()
    said = alone.run("package", "linux").json("manifest.json")["signature"]
    assert said == {
        "algorithm": "ecdsa-sha2-nistp256",
        "key_id": keys.key_id(keys.read_public_key(public)),
    }


def test_another_public_key_than_was_planned_with_is_refused() -> None:
    keygen.keygen(Path("release.pem"), encryption=False)
    words = {"key": "file:release.pem", "public_key": "release.pub.pem"}
    alone.set_param("package", "linux", "signature", value=words)
    alone.set_param("package", "linux", "public_key_sha256", value="ab" * 32)
    _linux()
    with pytest.raises(
        ArtifactError, match=r"^release\.pub\.pem: not the public key in params.yaml"
    ):
        alone.run("package", "linux")


@pytest.fixture
def encrypted(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The key of a plan whose Raspberry Pi gets its file encrypted."""
    key = bytes(range(32))
    monkeypatch.setenv("MODEL_KEY", base64.b64encode(key).decode())
    alone.set_param("package", "linux", "encryption_key", value="env:MODEL_KEY")
    alone.set_param(
        "package", "linux", "targets", "raspberry_pi_5", "package", "protect", value="encrypt"
    )
    return key


def test_an_encrypted_file_is_the_same_each_time_and_an_app_with_the_key_gets_the_measured_one(
    encrypted: bytes,
) -> None:
    _linux()
    ran = alone.run("package", "linux")
    first = ran.files()
    path = f"models/{LINUX}.onnx"
    listed = {file["path"]: file for file in ran.json("manifest.json")["files"]}
    assert b"an onnx model" not in first[path]
    assert listed[path]["encryption"]["plain_sha256"] == artifacts.sha256(b"an onnx model")
    assert [name for name, file in listed.items() if "encryption" in file] == [path]
    plain = io.BytesIO()
    decryption.decrypt(
        io.BytesIO(first[path]), plain, encrypted, b"digits/1.0.0/linux/" + path.encode()
    )
    assert plain.getvalue() == b"an onnx model"
    assert alone.run("package", "linux").files() == first


def test_two_targets_that_share_a_file_agree_on_its_encryption(encrypted: bytes) -> None:
    planned = read_plan()["package"]["linux"]["targets"]["raspberry_pi_5"]["validate"]
    alone.set_param("package", "linux", "targets", "linux_any", "validate", value=planned)
    _linux()
    with pytest.raises(RecipeError) as refused:
        alone.run("package", "linux")
    assert str(refused.value) == (
        "recipes/target/linux_any.yaml: package.protect: none; it shares "
        "models/digits-ds_cnn-int8-onnxruntime.onnx "
        "with raspberry_pi_5, which has encrypt; expected the same value in both"
    )


def test_the_manifest_is_valid_and_lists_what_lies_there() -> None:
    _linux()
    ran = alone.run("package", "linux")
    content = ran.json("manifest.json")
    manifest.validate(content)
    assert content["source"] == {word: alone.REVISION[word] for word in ("git_commit", "dirty")}
    listed = {file["path"]: (file["sha256"], file["size"]) for file in content["files"]}
    lying = {
        name: (artifacts.sha256(data), len(data))
        for name, data in ran.files().items()
        if name != manifest.FILE
    }
    assert listed == lying
    assert content["targets"]["raspberry_pi_5"]["metrics"]["accuracy"]["value"] == 0.97


def test_every_target_of_a_platform_is_in_its_bundle() -> None:
    _android()
    ran = alone.run("package", "android")
    assert ran.line == "3 targets, artifacts/package/android.zip"
    models = {
        name: target["model"] for name, target in ran.json("manifest.json")["targets"].items()
    }
    assert {name: ran.files()[model] for name, model in models.items()} == {
        "pixel_8": b"TFL3 int8",
        "galaxy_a14": b"TFL3 half in int8",
        "android_any": b"TFL3 float16",
    }


def test_a_missed_gate_is_refused_with_its_table_and_leaves_nothing() -> None:
    _linux(right=920, speedup=0.4)
    with pytest.raises(GateError) as refused:
        alone.run("package", "linux")
    assert str(refused.value) == REFUSED_LINUX
    assert artifacts.read_files(artifacts.ROOT / "package") == {}


@pytest.mark.parametrize("gates", [{"right": 920}, {}], ids=["a gate", "a license"])
def test_a_failure_leaves_no_bundle_of_an_earlier_build(gates: dict[str, int]) -> None:
    """Not even the zip: it would not be of the measurements that were refused."""
    _linux()
    alone.run("package", "linux")
    (BUNDLE.with_name("linux.proof") / "provenance.json").parent.mkdir()
    _linux(**gates)
    if not gates:
        alone.set_param("package", "linux", "licenses", "allow", value=["MIT"])
    with pytest.raises((GateError, LicenseError)):
        alone.run("package", "linux")
    assert bundle_files.is_absent("linux")


def test_one_bad_target_holds_back_the_whole_platform() -> None:
    _android()
    _validated("android", "digits-ds_cnn-int8-litert", {"model.tflite": b"TFL3 int8"}, size_mb=20.5)
    with pytest.raises(
        GateError, match=r"^android: no bundle, 1 of 21 gates not passed\n"
    ) as refused:
        alone.run("package", "android")
    assert " ".join(str(refused.value).splitlines()[-1].split()) == (
        "pixel_8 size_mb at most 20 20.5 MB - - file failed"
    )


def test_the_zip_holds_the_folder_and_its_sums() -> None:
    _ios()
    ran = alone.run("package", "ios")
    with zipfile.ZipFile(BUNDLE.with_name("ios.zip")) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == artifacts.read_files(
            ran.folder
        )
        assert artifacts.SUMS in archive.namelist()


def test_other_timings_change_nothing_but_the_measurements_beside_the_bundle() -> None:
    _linux(latency_p90_ms=0.2, frames_per_second=6000.0, peak_memory_mb=3.5, speedup=2.0)
    first = alone.run("package", "linux")
    bundle, archive = artifacts.read_files(first.folder), BUNDLE.with_name("linux.zip").read_bytes()
    beside = BUNDLE.with_name("linux.measurements.json").read_text()
    _linux(latency_p90_ms=0.9, frames_per_second=1200.0, peak_memory_mb=4.5, speedup=1.5)
    alone.run("package", "linux")
    assert artifacts.read_files(BUNDLE) == bundle
    assert BUNDLE.with_name("linux.zip").read_bytes() == archive
    assert BUNDLE.with_name("linux.measurements.json").read_text() != beside


def test_the_measurements_beside_the_bundle_hold_every_number_and_the_digest_of_its_file() -> None:
    _linux()
    alone.run("package", "linux")
    found = json.loads(BUNDLE.with_name("linux.measurements.json").read_text())["raspberry_pi_5"]
    # 2 * 76.8 million operations at 153.6 a nanosecond.
    predicted = {
        "value": 1.0,
        "unit": "ms",
        "where": "predicted",
        "device": "Raspberry Pi 5",
        "threads": 1,
    }
    assert found["metrics"] == {
        **{name: one.to_dict() for name, one in measured.metrics().items()},
        "latency_predicted_ms": predicted,
    }
    assert {one.get("sha256") for one in found["metrics"].values()} == {measured.SHA256, None}
    assert [name for name, one in found["metrics"].items() if "sha256" not in one] == [
        "latency_predicted_ms"
    ]
    assert (found["placement"], found["parity"]) == ([asdict(measured.CPU)], [])


def test_the_measurements_beside_the_bundle_hold_what_each_gate_was_decided_from() -> None:
    _linux(size_mb=0.04, speedup=2.0)
    alone.run("package", "linux")
    gates = json.loads(BUNDLE.with_name("linux.measurements.json").read_text())["raspberry_pi_5"][
        "gates"
    ]
    by_gate = {gate["gate"]: gate for gate in gates}
    assert by_gate["accuracy"]["measured"]["interval"] == measured.metrics()["accuracy"].interval
    # The 5 % quantile of resamples from 1.96 to 2.04.
    assert by_gate["speedup"]["proven"] == pytest.approx(1.964)
    assert by_gate["size_mb"]["proven"] is None
    assert by_gate["class_accuracy"]["note"] == "worst is 0: 97 of 100"


def test_another_accuracy_is_another_bundle() -> None:
    _linux(right=970)
    first = alone.run("package", "linux").files()
    _linux(right=980)
    second = alone.run("package", "linux").files()
    changed = [name for name in first if first[name] != second[name]]
    assert changed == ["MODEL_CARD.md", manifest.FILE, "sbom.cdx.json"]


@pytest.mark.parametrize("name", ["report.json", "examples.csv", "resamples.json"])
def test_a_finding_that_was_edited_is_not_judged(name: str) -> None:
    _linux(right=920, speedup=0.4)
    edited = artifacts.folder("validate", f"{LINUX}-linux", "linux") / name
    edited.write_text(edited.read_text().replace("0.", "0.9"))
    with pytest.raises(ArtifactError, match=rf"{name}: not what validate wrote"):
        alone.run("package", "linux")

"""The Kotlin samples, compiled and run on a JVM against golden vectors and against Python."""

import base64
import io
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgebake import artifacts
from edgebake.bundle import samples
from edgebake.tasks import streams
from tests.bundle import jvm, small, small2
from tests.bundle.jvm import Jvm
from tests.bundle.small import Target
from tests.contracts import with_image

NO_NUMBERS: Mapping[str, list[float]] = {}
DIGITS = [str(digit) for digit in range(10)]
KEPT = Path(__file__).parents[1] / "bundles"  # of earlier releases


@pytest.fixture(scope="module")
def kotlin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jvm]:
    """Samples of a bundle with every kind of input, on a JVM."""
    reason = jvm.missing()
    if reason is not None:
        pytest.skip(reason)  # on CI, a skipped test fails
    files = small2.bundle("android")
    manifest: Any = json.loads(files["manifest.json"])
    image = _android(any=Target(small.litert_model(), small.contract(labels=DIGITS)))
    manifest["targets"]["image"] = json.loads(image["manifest.json"])["targets"]["any"]
    # The code that decrypts also reads bundles that are not encrypted.
    manifest["files"][0]["encryption"] = {}
    rendered = samples.render(manifest, files)
    process = Jvm(rendered, tmp_path_factory.mktemp("kotlin"))
    yield process
    process.close()


def _android(**targets: Target) -> dict[str, bytes]:
    return small.bundle("android", targets)


def _archive(folder: Path, files: dict[str, bytes]) -> str:
    archive = folder / "android.zip"
    archive.write_bytes(small.zipped(files))
    return str(archive)


@pytest.mark.parametrize(
    ("release", "targets"),
    [
        ("v1", ("pixel_8", "galaxy_a14", "android_any")),
        (
            "v2",
            ("kept_commands_android_any", "kept_gestures_android_any", "kept_language_android_any"),
        ),
    ],
)
def test_models_of_an_earlier_release_answer_as_golden(
    kotlin: Jvm, tmp_path: Path, release: str, targets: tuple[str, ...]
) -> None:
    archive = tmp_path / "android.zip"
    archive.write_bytes((KEPT / release / "android.zip").read_bytes())
    reply = kotlin.ask("check", bundle=str(archive))
    assert reply == {"departures": dict.fromkeys(targets, "as golden")}


IMAGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "grey": ("grayscale", "none", {}),
    "cropped": ("rgb", "center", {}),
    "blue_first": ("bgr", "none", {}),
    "interpolated": ("rgb", "center", {"antialias": False}),
    "short_side": ("rgb", "center", {"short_side": 37}),
    "short_side_interpolated": ("grayscale", "center", {"short_side": 37, "antialias": False}),
}


@pytest.mark.parametrize("resize", ["nearest", "bilinear", "bicubic"])
def test_images_reach_the_model_as_in_training(kotlin: Jvm, tmp_path: Path, resize: str) -> None:
    targets = {}
    for name, (color, crop, options) in IMAGES.items():
        contract = with_image(small.contract(color, crop, resize), **options)
        targets[name] = Target(small.onnx_model(contract.image.channels), contract)
    targets["integers"] = Target(small.onnx_model(integers=True), small.contract(resize=resize))
    files = _android(**targets)
    departures = kotlin.ask("check", bundle=_archive(tmp_path, files))["departures"]
    assert departures == dict.fromkeys(targets, "as golden")
    manifest = json.loads(files["manifest.json"])
    for name in IMAGES:
        entry = manifest["targets"][name]
        image = {"kind": "image", "tensor": entry["input"], "preprocessing": entry["preprocessing"]}
        for pixels in (*small.pictures(3, 1), *small.pictures(3, 3)):
            tensor = _prepared(kotlin, image, {"form": "png", "shape": [], "data": _png(pixels)})
            expected = targets[name].contract.image.preprocess([pixels])
            assert np.array_equal(tensor, expected), name


def _png(pixels: NDArray[np.uint8]) -> str:
    """Return pixels [h, w] or [h, w, 3] as a file in base64."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _prepared(
    kotlin: Jvm, model_input: Any, raw: Any, numbers: Mapping[str, list[float]] = NO_NUMBERS
) -> NDArray[Any]:
    """Return the tensor [1, ...] of an example."""
    reply = kotlin.ask("prepare", input=model_input, raw=raw, numbers=dict(numbers))
    assert "error" not in reply, reply["error"]
    return jvm.decoded(reply["tensor"])


def _changed(files: dict[str, bytes], change: Callable[[Any], None]) -> dict[str, bytes]:
    """Return a bundle whose first golden vector was edited, and its manifest with it."""
    vectors = json.loads(files["golden/any.json"])
    change(vectors["examples"][0])
    changed = {**files, "golden/any.json": json.dumps(vectors).encode()}
    manifest = json.loads(files["manifest.json"])
    for entry in manifest["files"]:
        entry["sha256"] = artifacts.sha256(changed[entry["path"]])
    return {**changed, "manifest.json": json.dumps(manifest).encode()}


def _wrong_output(example: Any) -> None:
    example["output"][0] += 0.03


def _wrong_tensor(example: Any) -> None:
    content = bytearray(base64.b64decode(example["tensor"]["data"]))
    content[2000:2004] = struct.pack("<f", 2.0)
    example["tensor"]["data"] = base64.b64encode(content).decode()


def _wrong_answer(example: Any) -> None:
    example["answer"][0]["label"] = "wolf"


@pytest.mark.parametrize(
    ("change", "start"),
    [
        (_wrong_output, "golden vector 0: probabilities is 0.03"),
        (_wrong_tensor, "golden vector 0: image is "),
        (_wrong_answer, "golden vector 0: the answer is "),
    ],
)
def test_a_difference_from_a_golden_vector_is_seen(
    kotlin: Jvm, tmp_path: Path, change: Callable[[Any], None], start: str
) -> None:
    files = _changed(_android(any=Target(small.onnx_model(), small.contract())), change)
    departure = kotlin.ask("check", bundle=_archive(tmp_path, files))["departures"]["any"]
    assert departure.startswith(start)


def test_an_app_opens_the_first_model_that_works(kotlin: Jvm, tmp_path: Path) -> None:
    target = Target(small.onnx_model(), small.contract())
    files = _changed(_android(any=target, last=target), _wrong_output)
    pixels = small.pictures(1, 1, seed=7)[0]
    raw = {"form": "png", "shape": [], "data": _png(pixels)}
    reply = kotlin.ask("classify", bundle=_archive(tmp_path, files), raw=raw)
    answer = target.model.answer(target.contract.image.preprocess([pixels]))[0]
    label = small.CLASSES[int(answer.argmax())]
    assert (reply["target"], reply["labels"]) == ("last", [label])


def test_an_encrypted_bundle_answers_as_golden(kotlin: Jvm, tmp_path: Path) -> None:
    target = Target(small.onnx_model(), small.contract())
    files = small.bundle("android", {"any": target}, encrypted=True)
    reply = kotlin.ask("check", bundle=_archive(tmp_path, files))
    assert reply == {"departures": {"any": "as golden"}}
    assert not list(tmp_path.glob("model*"))  # the plain model


def test_a_newer_bundle_is_refused(kotlin: Jvm, tmp_path: Path) -> None:
    files = _android(any=Target(small.onnx_model(), small.contract()))
    manifest = files["manifest.json"].replace(b"manifest/1", b"manifest/9")
    archive = _archive(tmp_path, {**files, "manifest.json": manifest})
    error = kotlin.ask("check", bundle=archive)["error"]
    assert error == "edgebake.manifest/9: unknown; the bundle is newer than this code"


@pytest.mark.parametrize("content", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_base64_is_decoded_by_hand(kotlin: Jvm, content: bytes) -> None:
    """The sample runs on Android 6, which lacks java.util.Base64."""
    text = base64.b64encode(content).decode()
    assert base64.b64decode(kotlin.ask("decode", text=text)["content"]) == content


def test_models_of_sounds_signals_and_texts_answer_as_golden(kotlin: Jvm, tmp_path: Path) -> None:
    archive = _archive(tmp_path, small2.bundle("android"))
    departures = kotlin.ask("check", bundle=archive)["departures"]
    assert departures == dict.fromkeys(small2.TARGETS, "as golden")


TOLERANCES = {"audio": 1e-4, "signal": 1e-5, "text": 0}


@pytest.mark.parametrize("kind", small2.INPUTS)
def test_examples_reach_the_model_as_in_python(kotlin: Jvm, kind: str) -> None:
    manifest = json.loads(small2.bundle("android", kind)["manifest.json"])
    (model_input,) = manifest["targets"][kind]["inputs"]
    for example in small2.examples(kind, 20, seed=100):
        raw = small2.raw_value(kind, example)
        tensor = _prepared(kotlin, model_input, raw, small2.numbers(kind, kind))
        expected = small2.prepared(kind, example)
        assert (tensor.dtype, tensor.shape) == (expected.dtype, expected.shape)
        assert np.abs(tensor - expected).max() <= TOLERANCES[kind] * np.abs(expected).max()


def test_integers_are_rounded_as_in_python(kotlin: Jvm) -> None:
    manifest = json.loads(small2.bundle("android", "signal_integers")["manifest.json"])
    (model_input,) = manifest["targets"]["signal_integers"]["inputs"]
    for example in small2.examples("signal", 20, seed=200):
        tensor = _prepared(kotlin, model_input, small2.raw_value("signal", example))
        expected = small2.prepared("signal_integers", example)
        assert tensor.dtype == np.int8
        assert np.abs(tensor.astype(int) - expected).max() <= 1
        assert np.mean(tensor != expected) < 0.001


def test_measurements_at_uneven_times_are_interpolated(kotlin: Jvm, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times = 100 + rng.uniform(0.001, 0.04, 400).cumsum()
    values = rng.normal(0, 5, (400, 6)).astype(np.float32)
    archive = _archive(tmp_path, small2.bundle("android", "signal"))
    reply = kotlin.ask(
        "even",
        bundle=archive,
        times=times.tolist(),
        values=values.ravel().tolist(),
        channels=6,
        rate=50,
    )
    even_times = np.arange(times[0], times[-1], 1 / 50)
    expected = [np.interp(even_times, times, values[:, channel]) for channel in range(6)]
    signal = np.array(reply["values"]).reshape(-1, 6)
    assert np.abs(signal - np.stack(expected, axis=1)).max() < 1e-5
    starts = range(0, len(signal) - 128 + 1, 64)
    assert reply["windows"] == [signal[start, 0] for start in starts]
    assert len(starts) > 3


def test_clips_of_a_stream_begin_a_hop_apart(kotlin: Jvm, tmp_path: Path) -> None:
    sound = np.arange(32_000).astype(np.int16)
    archive = _archive(tmp_path, small2.bundle("android", "audio"))
    reply = kotlin.ask("clips", bundle=archive, raw=small2.raw_value("audio", sound))
    assert reply["clips"] == [0, 8_000, 16_000]


def test_a_stream_is_heard_as_in_python(kotlin: Jvm, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    clips = rng.dirichlet([0.5, 0.5, 0.5], 200).astype(np.float32).repeat(2, axis=0)
    archive = _archive(tmp_path, small2.bundle("android", "audio"))
    heard = kotlin.ask("hear", bundle=archive, clips=clips.tolist())["heard"]
    means = streams.smooth(clips, small2.OVER)
    expected = []
    for each in streams.listen(means, small2.THRESHOLD, small2.HOLD):
        expected.append([each.clip, small.CLASSES[each.label]])
    assert heard == expected
    assert len(expected) > 20


def test_the_kind_decides_where_a_bundle_has_several(kotlin: Jvm, tmp_path: Path) -> None:
    archive = _archive(tmp_path, small2.bundle("android", "audio", "text"))
    raw = small2.raw_value("text", "Guten Tag")
    reply = kotlin.ask("classify", bundle=archive, raw=raw, kind="text")
    assert reply["target"] == "text"


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("audio", {"short": "repeat"}, "clip: repeat: unknown; the bundle is newer than this code"),
        ("signal", {"samples": 1000}, "128 samples; expected at least 1000"),
        ("text", {"keep": "last"}, "bytes: last: unknown; the bundle is newer than this code"),
    ],
)
def test_a_parameter_that_the_samples_do_not_know_is_refused(
    kotlin: Jvm, kind: str, change: dict[str, Any], message: str
) -> None:
    manifest = json.loads(small2.bundle("android", kind)["manifest.json"])
    (model_input,) = manifest["targets"][kind]["inputs"]
    model_input["preprocessing"][1] |= change
    example = {"audio": np.zeros(9, np.int16), "signal": np.zeros((128, 6)), "text": "x"}[kind]
    raw = small2.raw_value(kind, example)
    reply = kotlin.ask("prepare", input=model_input, raw=raw, numbers={})
    assert reply == {"error": message}

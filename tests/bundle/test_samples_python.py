"""The Python sample, run as an app developer would: in a folder with a bundle, without edgebake."""

import ast
import base64
import importlib.util
import json
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgebake import artifacts
from edgebake.bundle import samples
from edgebake.runtimes.session import Tensor
from edgebake.tasks import streams
from tests.bundle import small, small2
from tests.bundle.small import Target
from tests.contracts import with_image

# As `python classify.py`, but with the word `edgebake` taken: whatever imports it stops.
ALONE = (
    "import sys, runpy; sys.modules['edgebake'] = None; "
    "runpy.run_path('classify.py', run_name='__main__')"
)


def _written(folder: Path, files: dict[str, bytes]) -> Path:
    """Lay out a bundle and its sample, as they are unpacked."""
    manifest = json.loads(files["manifest.json"])
    (folder / "classify.py").write_bytes(samples.render(manifest, files)["classify.py"])
    (folder / f"{manifest['platform']}.zip").write_bytes(small.zipped(files))
    return folder


def _ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-c", ALONE, *arguments]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)


def _linux(**targets: Target) -> dict[str, bytes]:
    return small.bundle("linux", targets or {"any": Target(small.onnx_model(), small.contract())})


def _changed(files: dict[str, bytes], change: Callable[[dict[str, Any]], None]) -> dict[str, bytes]:
    """Return a bundle whose golden vectors were edited, and its manifest with them."""
    vectors = json.loads(files["golden/any.json"])
    change(vectors["examples"][0])
    found = {**files, "golden/any.json": json.dumps(vectors).encode()}
    manifest = json.loads(files["manifest.json"])
    for entry in manifest["files"]:
        entry["sha256"] = artifacts.sha256(found[entry["path"]])
    return {**found, "manifest.json": json.dumps(manifest).encode()}


@pytest.mark.parametrize(
    "target",
    [
        Target(small.onnx_model(), small.contract()),
        Target(small.onnx_model(channels=3), small.contract("rgb", "center", "bicubic")),
        Target(small.onnx_model(integers=True), small.contract(resize="nearest", crop="center")),
        Target(small.litert_model(), small.contract(labels=[str(digit) for digit in range(10)])),
        Target(small.onnx_model(), with_image(small.contract(crop="center"), antialias=False)),
        Target(small.onnx_model(), with_image(small.contract(crop="center"), short_side=40)),
    ],
    ids=[
        "grey float32",
        "colour, cropped, bicubic",
        "int8, cropped, nearest",
        "LiteRT",
        "without antialiasing, cropped",
        "short side, cropped",
    ],
)
def test_a_sound_bundle_answers_its_golden_vectors(tmp_path: Path, target: Target) -> None:
    platform = "android" if target.model.runtime == "litert" else "linux"
    done = _ran(
        _written(tmp_path, small.bundle(platform, {"any": target})),
        "--check",
        "--bundle",
        f"{platform}.zip",
    )
    said = [
        line for line in done.stderr.splitlines() if not line.startswith("INFO: ")
    ]  # of LiteRT itself
    assert (done.stdout, said, done.returncode) == ("any: passes its golden vectors\n", [], 0)


def test_an_unpacked_bundle_is_read_as_well(tmp_path: Path) -> None:
    files = _linux()
    _written(tmp_path, files)
    artifacts.write_files(tmp_path / "unpacked", files)
    assert _ran(tmp_path, "--check", "--bundle", "unpacked").returncode == 0


def test_the_sample_holds_nothing_of_edgebake(tmp_path: Path) -> None:
    _written(tmp_path, _linux())
    assert "import edgebake" not in (tmp_path / "classify.py").read_text()
    assert "from edgebake" not in (tmp_path / "classify.py").read_text()
    assert "noqa" not in (tmp_path / "classify.py").read_text()


def _wrong_pixel(example: dict[str, Any]) -> None:
    tensor = np.frombuffer(base64.b64decode(example["tensor"]["data"]), "<f4").copy()
    tensor[500] += 3 / 127.5
    example["tensor"]["data"] = base64.b64encode(tensor.tobytes()).decode()


def _wrong_shape(example: dict[str, Any]) -> None:
    example["tensor"]["shape"] = [1, 1, 32, 32]


def _wrong_output(example: dict[str, Any]) -> None:
    example["output"] = [example["output"][0] + 0.002, *example["output"][1:]]


def _no_number(example: dict[str, Any]) -> None:
    example["output"] = [float("nan"), *example["output"][1:]]


def _wrong_answer(example: dict[str, Any]) -> None:
    example["answer"][0]["label"] = "wolf"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            _wrong_pixel,
            "any: golden vector 0: image is 0.0235294 off, expected at most 0.00792157\n",
        ),
        (
            _wrong_shape,
            "any: golden vector 0: image is float32 (1, 32, 32, 1), expected float32 (1, 1, "
            "32, 32)\n",
        ),
        (_wrong_output, "any: golden vector 0: probabilities is 0.002"),
        (_no_number, "any: golden vector 0: probabilities is nan off, expected at most 0.001\n"),
        (_wrong_answer, "any: golden vector 0: the answer is ['cat'], expected ['wolf']\n"),
    ],
    ids=["input", "shape", "output", "nan", "answer"],
)
def test_a_departure_from_a_golden_vector_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    done = _ran(_written(tmp_path, _changed(_linux(), change)), "--check")
    assert done.stderr.startswith(said)
    assert (done.stdout, done.returncode) == ("", 1)


def test_a_model_without_golden_vectors_is_not_run(tmp_path: Path) -> None:
    files = _changed(_linux(), lambda _: None)
    content = json.loads(files["manifest.json"])
    path = content["targets"]["any"]["golden"]
    files[path] = json.dumps(json.loads(files[path]) | {"examples": []}).encode()
    for entry in content["files"]:
        entry["sha256"] = artifacts.sha256(files[entry["path"]])
    files["manifest.json"] = json.dumps(content).encode()
    done = _ran(_written(tmp_path, files), "--check")
    assert done.stderr == f"any: {path}: no golden vectors; expected at least one\n"
    assert done.returncode == 1


def test_a_missing_bundle_is_named_without_a_traceback(tmp_path: Path) -> None:
    done = _ran(_written(tmp_path, _linux()), "--check", "--bundle", "none.zip")
    assert done.stderr == "classify.py: [Errno 2] No such file or directory: 'none.zip'\n"
    assert done.returncode == 1


def test_a_file_that_is_not_what_the_manifest_lists_is_not_run(tmp_path: Path) -> None:
    files = _linux()
    done = _ran(
        _written(tmp_path, {**files, "models/any.onnx": files["models/any.onnx"] + b" "}), "--check"
    )
    assert done.stderr == "any: models/any.onnx: not the file that manifest.json lists\n"
    assert done.returncode == 1


def test_a_picture_gets_the_answer_that_the_model_gives(tmp_path: Path) -> None:
    target = Target(small.onnx_model(), small.contract())
    _written(tmp_path, _linux(any=target))
    pixels = small.pictures(1, 1, seed=7)[0]
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    answer = target.model.answer(target.contract.image.preprocess([pixels]))[0]
    best = int(answer.argmax())
    done = _ran(tmp_path, "picture.png")
    assert answer[best] >= 0.5
    assert done.stdout == f"picture.png: {small.CLASSES[best]} {answer[best]:.3f}\n"


def test_the_first_target_whose_rule_this_machine_meets_is_taken(tmp_path: Path) -> None:
    sound = small.onnx_model()
    targets = {
        "other": Target(sound, small.contract(), {"soc": ["BCM2712"]}),
        "newer": Target(sound, small.contract(), {"minimum_os": "99.0"}),
        "larger": Target(sound, small.contract(), {"memory_mb": 1_000_000_000}),
        "any": Target(sound, small.contract(labels=["one", "two", "three"])),
    }
    Image.fromarray(small.pictures(1, 1, seed=7)[0]).save(tmp_path / "picture.png")
    _written(tmp_path, _linux(**targets))
    assert _ran(tmp_path, "picture.png").stdout.split()[1] in ("one", "two", "three")
    assert _ran(tmp_path, "picture.png", "--soc", "BCM2712").stdout.split()[1] in small.CLASSES


def test_a_target_that_fails_its_golden_vectors_is_left_out_and_the_next_is_taken(
    tmp_path: Path,
) -> None:
    target = Target(small.onnx_model(), small.contract())
    Image.fromarray(small.pictures(1, 1, seed=7)[0]).save(tmp_path / "picture.png")
    _written(tmp_path, _changed(_linux(any=target, last=target), _wrong_output))
    done = _ran(tmp_path, "picture.png")
    assert done.stderr.startswith("any: left out: golden vector 0: probabilities is 0.002")
    assert (done.stdout.split()[0], done.returncode) == ("picture.png:", 0)


def test_a_bundle_that_does_not_work_here_says_so(tmp_path: Path) -> None:
    done = _ran(_written(tmp_path, _changed(_linux(), _wrong_output)), "picture.png")
    assert done.stderr.endswith("no model of this bundle works on this machine\n")
    assert done.returncode == 1


def _encrypted(**wrong: Any) -> dict[str, bytes]:
    """Return an encrypted bundle; what its manifest says of the plain file may be wrong."""
    target = Target(small.onnx_model(), small.contract())
    files = small.bundle("linux", {"any": target}, encrypted=True)
    manifest = json.loads(files["manifest.json"])
    entry = next(one for one in manifest["files"] if "encryption" in one)
    entry["encryption"] |= {"plain_size": len(target.model.files[".onnx"]), **wrong}
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def test_an_encrypted_bundle_is_read_with_its_key(tmp_path: Path) -> None:
    _written(tmp_path, _encrypted())
    (tmp_path / "key").write_bytes(base64.b64encode(small.KEY) + b"\n")
    (tmp_path / "other").write_bytes(base64.b64encode(bytes(32)))
    done = _ran(tmp_path, "--check", "--key", "key")
    assert (done.stdout, done.stderr, done.returncode) == (
        "any: passes its golden vectors\n",
        "",
        0,
    )
    assert (
        _ran(tmp_path, "--check").stderr
        == "any: models/any.onnx: is encrypted; expected --key FILE\n"
    )
    assert _ran(tmp_path, "--check", "--key", "other").stderr == (
        "any: segment 0: modified or truncated, from another file, or encrypted with another key\n"
    )


@pytest.mark.parametrize(
    "wrong", [{"plain_size": 1}, {"plain_sha256": "ab" * 32}], ids=["size", "sha256"]
)
def test_what_decrypts_to_another_file_than_is_listed_is_not_run(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    _written(tmp_path, _encrypted(**wrong))
    (tmp_path / "key").write_bytes(base64.b64encode(small.KEY))
    done = _ran(tmp_path, "--check", "--key", "key")
    assert (
        done.stderr
        == "any: models/any.onnx: the decrypted file is not the one that manifest.json lists\n"
    )
    assert (done.stdout, done.returncode) == ("", 1)


def test_a_bundle_that_is_not_encrypted_needs_no_cryptography(tmp_path: Path) -> None:
    _written(tmp_path, _linux())
    text = (tmp_path / "classify.py").read_text()
    assert [
        word for word in ("cryptography", "--key", "decrypt", "encrypted") if word in text
    ] == []


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The sample as a module."""
    file = _written(tmp_path_factory.mktemp("sample"), _linux()) / "classify.py"
    found = importlib.util.spec_from_file_location("classify", file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("color", ["grayscale", "rgb", "bgr"])
@pytest.mark.parametrize("mean", [[127.5], [104.0, 117.0, 123.0]], ids=["one mean", "a mean each"])
@pytest.mark.parametrize(
    "options",
    [
        {"crop": "none"},
        {"crop": "none", "antialias": False},
        {"crop": "center"},
        {"crop": "center", "antialias": False},
        {"crop": "center", "short_side": 37},
        {"crop": "center", "short_side": 37, "antialias": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("resize", ["nearest", "bilinear", "bicubic"])
def test_pictures_reach_the_model_as_in_training(
    sample: ModuleType, color: str, mean: list[float], options: dict[str, Any], resize: str
) -> None:
    agreed = with_image(small.contract(color, resize=resize), **options)
    mean = mean if color != "grayscale" else [127.5]
    agreed = with_image(agreed, mean=mean, scale=[1 / (1 + one) for one in mean])
    target = Target(small.onnx_model(agreed.image.channels), agreed)
    manifest = json.loads(_linux(any=target)["manifest.json"])
    (model_input,) = sample.inputs_of(manifest["targets"]["any"])
    for pixels in (*small.pictures(5, 1), *small.pictures(5, 3)):
        found = sample.preprocess(None, model_input, Image.fromarray(pixels))
        assert np.array_equal(found, target.contract.image.preprocess([pixels]))


STEPS: list[dict[str, Any]] = [
    {"step": "decode", "colour": "rgb"},
    {"step": "resize", "width": 32, "height": 32, "filter": "bilinear", "antialias": True},
]


def test_a_step_that_the_sample_does_not_know_is_refused(sample: ModuleType) -> None:
    image = Image.fromarray(small.pictures(1, 3)[0])
    model_input = {"kind": "image", "tensor": {"shape": [1, 32, 32, 3]}, "preprocessing": STEPS}
    assert sample.preprocess(None, model_input, image).shape == (1, 32, 32, 3)
    with pytest.raises(sample.BundleError) as error:
        sample.preprocess(
            None, {**model_input, "preprocessing": [*STEPS, {"step": "rotate"}]}, image
        )
    assert str(error.value) == "rotate: unknown step; the bundle is newer than this code"


@pytest.mark.parametrize(
    "options", [{"antialias": False}, {"crop": "center", "short_side": 37}], ids=str
)
def test_the_sample_of_an_earlier_release_refuses_the_new_ways_of_resizing(
    options: dict[str, Any],
) -> None:
    """It looks up the step `resize`, and always antialiases; so do those in Kotlin and Swift."""
    contract = with_image(small.contract(), **options)
    manifest = json.loads(_linux(any=Target(small.onnx_model(), contract))["manifest.json"])
    steps = manifest["targets"]["any"]["preprocessing"]
    assert "resize" not in [step["step"] for step in steps]


def test_integers_are_rounded_as_when_the_file_was_measured(sample: ModuleType) -> None:
    taken = Tensor("image", [1, 32, 32, 1], "uint8", "NHWC", 0.0078, 128)
    real = small.contract().image.normalize(np.arange(256, dtype=np.uint8))
    found = sample.quantize(real, {"dtype": "uint8", "scale": 0.0078, "zero_point": 128})
    assert np.array_equal(found, taken.to_stored(real))


def test_this_machine_says_what_it_is(sample: ModuleType) -> None:
    found = sample.facts(None)
    assert int(found.os.split(".")[0]) >= 2
    assert found.memory_mb > 500
    assert found.accelerators == {"cpu"}
    assert sample.facts("BCM2712").soc == "BCM2712"


def test_no_two_parts_of_the_sample_use_one_name_for_two_things() -> None:
    encrypted = small.bundle(
        "linux", {"any": Target(small.onnx_model(), small.contract())}, encrypted=True
    )
    text = samples.render(json.loads(encrypted["manifest.json"]), encrypted)["classify.py"].decode()
    found = [
        node.name
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    assert len(found) > 20
    assert len(found) == len(set(found))


@pytest.mark.parametrize("target", small2.TARGETS)
def test_any_input_answers_its_golden_vectors(tmp_path: Path, target: str) -> None:
    done = _ran(_written(tmp_path, small2.bundle("linux", target)), "--check")
    assert (done.stdout, done.stderr) == (f"{target}: passes its golden vectors\n", "")
    assert done.returncode == 0


def test_kinds_of_input_share_a_sample(tmp_path: Path) -> None:
    """Guards two kinds with a step of one name: `clip` of sounds fills up, of signals refuses."""
    _written(tmp_path, small2.bundle("linux"))
    done = _ran(tmp_path, "--check")
    passed = [f"{target}: passes its golden vectors\n" for target in small2.TARGETS]
    assert (done.stdout, done.stderr, done.returncode) == ("".join(passed), "", 0)
    done = _ran(tmp_path, "text.txt")
    expected = "the models take audio, signal, text; expected --kind"
    assert (done.stderr, done.returncode) == (f"classify.py: {expected}\n", 1)


def test_a_sample_without_images_needs_no_pillow(tmp_path: Path) -> None:
    files = small2.bundle("linux", "audio")
    _written(tmp_path, files)
    text = (tmp_path / "classify.py").read_text()
    assert "PIL" not in text
    readme = samples.render(json.loads(files["manifest.json"]), files)["README.md"].decode()
    assert "pip install numpy onnxruntime==1.32.0\n" in readme
    assert "# prints the class of an example: a WAV file\n" in readme


def _write_wave(path: Path, sound: NDArray[np.int16], rate: int) -> None:
    """Write samples [n] as a WAV file of one channel."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(sound.astype("<i2").tobytes())


def test_an_example_of_every_kind_is_read_from_a_file(tmp_path: Path) -> None:
    _written(tmp_path, small2.bundle("linux", "audio", "signal", "text"))
    first = {kind: small2.examples(kind, 1, seed=0)[0] for kind in small2.INPUTS}
    _write_wave(tmp_path / "audio.file", first["audio"], 16000)
    np.savetxt(tmp_path / "signal.file", first["signal"], delimiter=",", fmt="%.9g")
    (tmp_path / "text.file").write_text(first["text"], encoding="utf-8")
    for kind in first:
        golden = json.loads(small2.bundle("linux", kind)[f"golden/{kind}.json"])
        expected = []
        for answer in golden["examples"][0]["answer"]:
            expected.append(f"{answer['label']} {answer['probability']:.3f}")
        done = _ran(tmp_path, "--kind", kind, f"{kind}.file")
        assert done.stdout == f"{kind}.file: {', '.join(expected)}\n", done.stderr


def test_a_stream_is_heard_clip_by_clip(tmp_path: Path) -> None:
    _written(tmp_path, small2.bundle("linux", "audio", "text"))
    sound = np.concatenate(small2.examples("audio", 12, seed=3))
    _write_wave(tmp_path / "stream.wav", sound, 16000)
    done = _ran(tmp_path, "--kind", "audio", "--stream", "stream.wav")
    clips = []
    for start in range(0, len(sound) - 16000 + 1, 8000):
        clips.append(small2.probabilities("audio", sound[start : start + 16000]))
    means = streams.smooth(np.concatenate(clips), small2.OVER)
    expected = []
    for heard in streams.listen(means, small2.THRESHOLD, small2.HOLD):
        expected.append(f"{small.CLASSES[heard.label]} at {heard.clip / 2 + 1:.1f} s")
    assert done.stdout == f"stream.wav: {', '.join(expected)}\n", done.stderr
    assert len(expected) > 1
    (tmp_path / "text.txt").write_text("Guten Tag")
    done = _ran(tmp_path, "--kind", "text", "--stream", "text.txt")
    expected_steps = "expected the steps clip and smooth"
    assert done.stderr == f"classify.py: models/text.onnx: not for streams; {expected_steps}\n"


def test_a_recording_of_another_rate_is_refused(tmp_path: Path) -> None:
    _written(tmp_path, small2.bundle("linux", "audio"))
    _write_wave(tmp_path / "slow.wav", np.zeros(100, np.int16), 8000)
    done = _ran(tmp_path, "slow.wav")
    expected = "expected (16000, 1, 16)"
    assert done.stderr == (
        f"classify.py: slow.wav: rate, channels and bits are (8000, 1, 16); {expected}\n"
    )
    assert done.returncode == 1


def test_too_few_measurements_are_refused(tmp_path: Path) -> None:
    _written(tmp_path, small2.bundle("linux", "signal"))
    np.savetxt(tmp_path / "short.csv", np.zeros((9, 6)), delimiter=",")
    done = _ran(tmp_path, "short.csv")
    assert done.stderr == "classify.py: signal of 9 samples; expected at least 128\n"


def test_a_newer_bundle_is_refused_without_a_traceback(tmp_path: Path) -> None:
    files = _linux()
    _written(tmp_path, files)
    newer = files["manifest.json"].replace(b"manifest/1", b"manifest/9")
    (tmp_path / "linux.zip").write_bytes(small.zipped({**files, "manifest.json": newer}))
    done = _ran(tmp_path, "--check")
    expected = "edgebake.manifest/9: unknown; the bundle is newer than this code"
    assert (done.stderr, done.returncode) == (f"classify.py: {expected}\n", 1)

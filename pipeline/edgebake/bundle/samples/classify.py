"""Classify images with a bundle of edgebake.

It needs numpy, Pillow and the runtime of the bundle's models. Models, labels and device rules are
read from manifest.json, so the next release needs no change here.

    python classify.py --bundle @PLATFORM@.zip image.png    print the class of an image
    python classify.py --bundle @PLATFORM@.zip --check      test all models with golden vectors
"""

import argparse
import base64
import hashlib
import io
import json
import os
import platform
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

# <encrypted>
from edgebake.bundle.trust.decryption import decrypt

# </encrypted>
from edgebake.tasks.postprocess import Floats, Step, dequantize, run
from edgebake.tasks.resize import aspect_box, center_box, resize, short_side_size
from edgebake.bundle.device_matching import Facts, JsonObject, resolve

Array = NDArray[Any]
Model = Callable[[Array], Array]
SIZE_STEPS = {"crop", "resize", "interpolate", "resize_short_side", "center_crop"}
TENSOR_STEPS = {"normalize", "quantize", "layout"}
KNOWN_STEPS = {"decode"} | SIZE_STEPS | TENSOR_STEPS


class BundleError(Exception):
    """A bundle that cannot be used on this machine; the text says why."""


class Bundle:
    """A bundle on disk, a folder or an archive."""

    def __init__(self, path: Path, key: bytes | None = None) -> None:
        self._path = path
        self._key = key
        manifest = self._content("manifest.json")
        self.manifest: JsonObject = json.loads(manifest)
        self._files = {entry["path"]: entry for entry in self.manifest["files"]}

    def read(self, path: str) -> bytes:
        """Return the content of a file, after comparing it with the manifest.

        Raises:
            BundleError: the file differs from the manifest.
        """
        content = self._content(path)
        entry = self._files.get(path)
        if entry is None:
            raise BundleError(f"{path}: manifest.json does not list it")
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != entry["sha256"]:
            raise BundleError(f"{path}: not the file that manifest.json lists")
        # <encrypted>
        if "encryption" in entry:
            content = self._decrypt(path, content)
        # </encrypted>
        return content

    # <encrypted>
    def _decrypt(self, path: str, content: bytes) -> bytes:
        if self._key is None:
            raise BundleError(f"{path}: is encrypted; expected --key FILE")
        associated = "/".join(
            [self.manifest["name"], self.manifest["version"], self.manifest["platform"], path]
        )
        source = io.BytesIO(content)
        target = io.BytesIO()
        decrypt(source, target, self._key, associated.encode())
        plain = target.getvalue()
        expected = self._files[path]["encryption"]
        has_size = len(plain) == expected["plain_size"]
        sha256 = hashlib.sha256(plain).hexdigest()
        if not has_size or sha256 != expected["plain_sha256"]:
            raise BundleError(f"{path}: the decrypted file is not the one that manifest.json lists")
        return plain

    # </encrypted>
    def _content(self, path: str) -> bytes:
        if self._path.is_dir():
            file = self._path / path
            return file.read_bytes()
        with zipfile.ZipFile(self._path) as archive:
            return archive.read(path)


def preprocess(steps: list[Step], image: Image.Image) -> Array:
    """Return the model's input for an image, [1, height, width, channels].

    Args:
        steps: `preprocessing` of a target in the manifest.
        image: of any size and color mode.
    """
    parameters = {step["step"]: step for step in steps}
    unknown = sorted(parameters.keys() - KNOWN_STEPS)
    if unknown:
        raise BundleError(f"{unknown[0]}: unknown step; the bundle is newer than this code")
    color = parameters["decode"]["colour"]
    mode = "L" if color == "grey" else "RGB"
    image = resize_to_model(parameters, image.convert(mode))
    pixels: Array = np.asarray(image)
    pixels = pixels.reshape(1, image.height, image.width, -1)
    if color == "bgr":
        pixels = pixels[..., ::-1]
    if "normalize" not in parameters:
        return pixels
    normalize = parameters["normalize"]
    mean = np.float32(normalize["mean"])
    scale = np.float32(normalize["scale"])
    real = (pixels.astype(np.float32) - mean) * scale
    if "quantize" not in parameters:
        return real
    return quantize(real, parameters["quantize"])


def resize_to_model(parameters: dict[str, Step], image: Image.Image) -> Image.Image:
    """Return an image in the model's size.

    Args:
        parameters: each step of `preprocessing` by its name.
        image: in the model's color mode.
    """
    if "resize_short_side" in parameters:
        step = parameters["resize_short_side"]
        crop = parameters["center_crop"]
        size = short_side_size(image.size, step["short_side"])
        image = resize(image, size, step["filter"], step["antialias"])
        return image.crop(center_box(size, (crop["width"], crop["height"])))
    name = "interpolate" if "interpolate" in parameters else "resize"
    step = parameters[name]
    size = (step["width"], step["height"])
    box = aspect_box(image.size, size) if "crop" in parameters else None
    return resize(image, size, step["filter"], step["antialias"], box)


def quantize(real: Floats, step: Step) -> Array:
    """Return real values [...] as integers of the same shape, rounded to even and clipped."""
    dtype = step["dtype"]
    limits = np.iinfo(dtype)
    rounded = np.rint(real / step["scale"] + step["zero_point"])
    clipped = rounded.clip(limits.min, limits.max)
    stored: Array = clipped.astype(dtype)
    return stored


def load(target: JsonObject, content: bytes) -> Model:
    """Load a model that runs on the CPU: from input [1, ...] to output [1, ...].

    Raises:
        BundleError: its runtime does not run here.
    """
    if target["runtime"] == "onnxruntime":
        return _load_onnx(content)
    if target["runtime"] == "litert":
        return _load_litert(content)
    raise BundleError(
        f"{target['model']}: {target['runtime']} does not run here; expected litert or onnxruntime"
    )


def _load_onnx(content: bytes) -> Model:
    import onnxruntime  # other bundles need the other runtime

    options = onnxruntime.SessionOptions()
    if b"QuantizeLinear" not in content:
        # Integer weights become floats once, at load, and not in every run.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    has_vnni = any("vnni" in flag for flag in _cpu_flags())
    if b"session.x64quantprecision" in content and not has_vnni:
        # Weights of 8 bits: without the slower kernels of this option, sums would overflow here.
        options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def predict(tensor: Array) -> Array:  # shape [1, ...]
        outputs = session.run(None, {name: tensor})
        first: Array = outputs[0]
        return first

    return predict


def _load_litert(content: bytes) -> Model:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    first_input = interpreter.get_input_details()[0]
    first_output = interpreter.get_output_details()[0]

    def predict(tensor: Array) -> Array:  # shape [1, ...]
        interpreter.set_tensor(first_input["index"], tensor)
        interpreter.invoke()
        output: Array = interpreter.get_tensor(first_output["index"])
        return output

    return predict


def load_checked(bundle: Bundle, name: str) -> Model:
    """Load the model of a target, and test it with its golden vectors.

    Raises:
        BundleError: it fails one of them.
    """
    target = bundle.manifest["targets"][name]
    model = load(target, bundle.read(target["model"]))
    vectors = json.loads(bundle.read(target["golden"]))
    if not vectors["examples"]:
        raise BundleError(f"{target['golden']}: no golden vectors; expected at least one")
    for number, example in enumerate(vectors["examples"]):
        for difference in differences(target, vectors["tolerances"], example, model):
            raise BundleError(f"golden vector {number}: {difference}")
    return model


def differences(
    target: JsonObject, tolerances: dict[str, float], example: JsonObject, model: Model
) -> Iterator[str]:
    """Yield how this machine differs from a golden vector.

    Args:
        target: of the manifest.
        tolerances: of the golden vectors, in real units: `tensor` of the input, `output`.
        example: one golden vector.
        model: from input [1, ...] to output [1, ...].
    """
    png = base64.b64decode(example["image"])
    image = Image.open(io.BytesIO(png))
    tensor = preprocess(target["preprocessing"], image)
    expected = _decode_tensor(example["tensor"])
    if (tensor.dtype, tensor.shape) != (expected.dtype, expected.shape):
        yield (
            f"the input is {tensor.dtype} {tensor.shape}, "
            f"expected {expected.dtype} {expected.shape}"
        )
        return
    step = float(target["input"]["scale"] or 1.0)
    yield from _compare("input", tensor * step, expected * step, tolerances["tensor"])
    # With the expected input, so that this tests the model alone.
    output = model(expected)
    steps = target["postprocessing"]
    yield from _compare("output", _real(steps, output), example["output"], tolerances["output"])
    predictions = run(steps, output, target["labels"])
    actual_label = _first_label(predictions)
    expected_label = _first_label(example["answer"])
    if actual_label != expected_label:
        yield f"the answer is {actual_label}, expected {expected_label}"


def _first_label(predictions: list[JsonObject]) -> list[str]:
    return [prediction["label"] for prediction in predictions[:1]]


def _decode_tensor(stored: JsonObject) -> Array:
    """Return the tensor of a golden vector, in the shape that it states."""
    content = base64.b64decode(stored["data"])
    dtype = np.dtype(stored["dtype"])
    little_endian = np.frombuffer(content, dtype.newbyteorder("<"))
    tensor = little_endian.reshape(stored["shape"])
    return tensor.astype(dtype)


def _real(steps: list[Step], output: Array) -> Array:
    """Return the output [1, ...] of one example dequantized, [...]."""
    first = steps[0]
    if first["step"] != "dequantize":
        real: Array = output[0]
        return real
    return dequantize(output[0], first["scale"], first["zero_point"])


def _compare(name: str, actual: Array, expected: ArrayLike, tolerance: float) -> Iterator[str]:
    """Yield how two arrays [...] differ in shape, or in values by more than a tolerance."""
    shape = np.shape(actual)
    expected_shape = np.shape(expected)
    if shape != expected_shape:
        yield f"the {name} has the shape {shape}, expected {expected_shape}"
        return
    differences = np.subtract(actual, expected)
    difference = float(np.abs(differences).max())
    if not difference <= tolerance:  # true of NaN too
        yield f"the {name} is {difference:.6g} off, expected at most {tolerance:.6g}"


def facts(soc: str | None) -> Facts:
    """Return what this machine reports about itself.

    Args:
        soc: its chip, if the system does not report it.
    """
    _, glibc_version = platform.libc_ver()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Facts(
        os=glibc_version or "0",
        soc=soc or _soc(),
        memory_mb=memory // 1_000_000,
        features=_cpu_flags(),
    )


def _cpu_flags() -> frozenset[str]:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return frozenset()
    flags: set[str] = set()
    for line in cpuinfo.read_text().splitlines():
        if line.startswith(("flags", "Features")):
            _, values, *_ = line.split(":")
            flags.update(values.split())
    return frozenset(flags)


def _soc() -> str | None:
    """Return the chip of a board's device tree: BCM2712 for brcm,bcm2712."""
    tree = Path("/proc/device-tree/compatible")
    if not tree.exists():
        return None
    text = tree.read_text().rstrip("\0")
    _, _, last_name = text.rpartition("\0")
    _, _, chip = last_name.rpartition(",")
    return chip.upper()


def first_that_works(bundle: Bundle, names: list[str]) -> tuple[JsonObject, Model]:
    """Return the first target whose model loads and passes its golden vectors, and the model.

    Raises:
        BundleError: there is none.
    """
    for name in names:
        try:
            target = bundle.manifest["targets"][name]
            return target, load_checked(bundle, name)
        except Exception as error:  # runtimes raise anything; the next target is the fallback
            print(f"{name}: left out: {error}", file=sys.stderr)
    raise BundleError("no model of this bundle works on this machine")


def check(bundle: Bundle, names: list[str]) -> int:
    """Test each target with its golden vectors, print the results and return the exit status."""
    failed = False
    for name in names:
        try:
            load_checked(bundle, name)
            print(f"{name}: passes its golden vectors")
        except Exception as error:
            failed = True
            print(f"{name}: {error}", file=sys.stderr)
    return int(failed)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Classify images with a bundle.")
    parser.add_argument("images", nargs="*", type=Path)
    parser.add_argument(
        "--bundle", type=Path, default=Path("@PLATFORM@.zip"), help="a folder or a zip"
    )
    parser.add_argument(
        "--check", action="store_true", help="test every target with its golden vectors"
    )
    parser.add_argument("--target", help="default: the first target that is for this machine")
    parser.add_argument("--soc", help="the chip, if the system does not report it")
    # <encrypted>
    parser.add_argument("--key", type=Path, help="a file with the key as base64")
    # </encrypted>
    return parser.parse_args()


def main() -> int:
    """Run the command line."""
    arguments = parse_arguments()
    key: bytes | None = None
    # <encrypted>
    if arguments.key:
        key = base64.b64decode(arguments.key.read_bytes())
    # </encrypted>
    bundle = Bundle(arguments.bundle, key)
    names = bundle.manifest["chain"]
    if arguments.target:
        names = [arguments.target]
    if arguments.check:
        return check(bundle, names)
    # A desktop runs all files of a bundle for phones, so the rules for phones do not apply.
    if not arguments.target and bundle.manifest["platform"] == "linux":
        choices = resolve(bundle.manifest, facts(arguments.soc))
        names = [choice.target for choice in choices]
    target, model = first_that_works(bundle, names)
    for path in arguments.images:
        text = classify(target, model, Image.open(path))
        print(f"{path}: {text}")
    return 0


def classify(target: JsonObject, model: Model, image: Image.Image) -> str:
    """Return the predictions for an image as text."""
    tensor = preprocess(target["preprocessing"], image)
    output = model(tensor)
    predictions = run(target["postprocessing"], output, target["labels"])
    results = []
    for prediction in predictions:
        results.append(f"{prediction['label']} {prediction['probability']:.3f}")
    return ", ".join(results) or "no answer"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BundleError, OSError, zipfile.BadZipFile) as error:
        sys.exit(f"classify.py: {error}")

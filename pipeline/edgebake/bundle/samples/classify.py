"""Classify examples with a bundle of edgebake: images, sounds, signals or texts.

It needs numpy and the runtime of the bundle's models; for images, Pillow. Models, labels and device
rules are read from manifest.json, so the next release needs no change here.

    python classify.py --bundle @PLATFORM@.zip FILE            print the class of an example
    # <streams>
    python classify.py --bundle @PLATFORM@.zip --stream FILE   print the classes heard in a stream
    # </streams>
    python classify.py --bundle @PLATFORM@.zip --check         test all models with golden vectors
"""

import argparse
import base64
import hashlib
import io
import json
import math
import os
import platform
import sys
import wave
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# <image>
from PIL import Image

# </image>
# <encrypted>
from edgebake.bundle.trust.decryption import decrypt

# </encrypted>
from edgebake.tasks.postprocess import Floats, Step, dequantize, run
from edgebake.tasks.steps import STEPS

# <streams>
from edgebake.tasks.streams import listen, smooth

# </streams>
from edgebake.bundle.device_matching import Facts, JsonObject, resolve

Array = NDArray[Any]
Tensors = dict[str, Array]  # by name of an input or output, each [1, ...]
Model = Callable[[Tensors], Tensors]
Numbers = dict[str, NDArray[np.float32]]  # large constants of steps, by the path of their file
StepFunction = Callable[[Step, Any, Any], Any]
SCHEMAS = ("edgebake.manifest/1", "edgebake.manifest/2")
# The functions of steps by the kind of input.
KINDS: dict[str, Mapping[str, StepFunction]] = {}
# @KINDS@


class BundleError(Exception):
    """A bundle that cannot be used on this machine; the text says why."""


class Bundle:
    """A bundle on disk, a folder or an archive."""

    def __init__(self, path: Path, key: bytes | None = None) -> None:
        self._path = path
        self._key = key
        manifest = self._content("manifest.json")
        self.manifest: JsonObject = json.loads(manifest)
        schema = self.manifest["schema"]
        if schema not in SCHEMAS:
            raise BundleError(f"{schema}: unknown; the bundle is newer than this code")
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


def inputs_of(target: JsonObject) -> list[JsonObject]:
    """Return the inputs of a target; one of edgebake.manifest/1 has one image."""
    if "inputs" in target:
        inputs: list[JsonObject] = target["inputs"]
        return inputs
    tensor = target["input"]
    return [
        {
            "name": tensor["name"],
            "kind": "image",
            "tensor": tensor,
            "raw": {"form": "png"},
            "preprocessing": target["preprocessing"],
        }
    ]


def outputs_of(target: JsonObject) -> list[JsonObject]:
    """Return the output tensors of a target."""
    outputs: list[JsonObject] = target.get("outputs") or [target["output"]]
    return outputs


def preprocess(bundle: Bundle, model_input: JsonObject, raw: Any) -> Array:
    """Return the tensor of an input for an example, [1, ...].

    Args:
        bundle: has the large constants of steps as files.
        model_input: an input of a target in the manifest.
        raw: an image, samples [n], measurements [n, channels] or a text.

    Raises:
        BundleError: a step is unknown, or cannot be run on the example.
    """
    kind = model_input["kind"]
    if kind not in KINDS:
        raise BundleError(f"{kind}: unknown kind of input; the bundle is newer than this code")
    functions = {**STEPS, "quantize": quantize_step, "layout": layout, **KINDS[kind]}
    value = raw
    for step in model_input["preprocessing"]:
        function = functions.get(step["step"])
        if function is None:
            raise BundleError(f"{step['step']}: unknown step; the bundle is newer than this code")
        try:
            value = function(step, value, numbers_of(bundle, step))
        except ValueError as error:
            raise BundleError(str(error)) from error
    tensor = np.asarray(value)
    shape = model_input["tensor"]["shape"]
    if tensor.size == math.prod(shape):
        return tensor.reshape(shape)  # axes of length 1 are in the tensor alone
    return tensor[np.newaxis]


def numbers_of(bundle: Bundle, step: Step) -> Numbers:
    """Return the constants of a step, float32 [rows, columns], by the path of their file."""
    if "file" not in step:
        return {}
    path = step["file"]
    content = np.frombuffer(bundle.read(path), "<f4")
    return {path: content.reshape(step["rows"], step["columns"])}


def quantize_step(step: Step, value: Any, _: Numbers) -> Array:
    """Return real values [...] as integers of the same shape: the step `quantize`."""
    return quantize(value, step)


def layout(step: Step, value: Any, _: Numbers) -> Any:
    """Run the step `layout`; the steps before it yield the only layout that there is."""
    if step["layout"] != "NHWC":
        raise ValueError(f"{step['layout']}: unknown layout; the bundle is newer than this code")
    return value


def quantize(real: Floats, step: Step) -> Array:
    """Return real values [...] as integers of the same shape, rounded to even and clipped."""
    dtype = step["dtype"]
    limits = np.iinfo(dtype)
    rounded = np.rint(real / step["scale"] + step["zero_point"])
    clipped = rounded.clip(limits.min, limits.max)
    stored: Array = clipped.astype(dtype)
    return stored


def load(target: JsonObject, content: bytes) -> Model:
    """Load a model that runs on the CPU: from its inputs to its outputs, stored values by name.

    Raises:
        BundleError: its runtime does not run here.
    """
    if target["runtime"] == "onnxruntime":
        return _load_onnx(target, content)
    if target["runtime"] == "litert":
        return _load_litert(target, content)
    raise BundleError(
        f"{target['model']}: {target['runtime']} does not run here; expected litert or onnxruntime"
    )


def _load_onnx(target: JsonObject, content: bytes) -> Model:
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
    names = [tensor["name"] for tensor in outputs_of(target)]

    def predict(tensors: Tensors) -> Tensors:
        outputs = session.run(names, tensors)
        return dict(zip(names, outputs, strict=True))

    return predict


def _load_litert(target: JsonObject, content: bytes) -> Model:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    inputs = _indices(inputs_of(target), interpreter.get_input_details())
    outputs = _indices(outputs_of(target), interpreter.get_output_details())

    def predict(tensors: Tensors) -> Tensors:
        for name, index in inputs.items():
            interpreter.set_tensor(index, tensors[name])
        interpreter.invoke()
        return {name: interpreter.get_tensor(index) for name, index in outputs.items()}

    return predict


def _indices(tensors: list[JsonObject], details: list[dict[str, Any]]) -> dict[str, int]:
    """Return the index in a file of each tensor by name; stripped files have their order alone."""
    by_name = {detail["name"]: detail["index"] for detail in details}
    indices = {}
    for tensor, detail in zip(tensors, details, strict=True):
        name = tensor["name"]
        indices[name] = by_name.get(name, detail["index"])
    return indices


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
    tolerances = vectors["tolerances"]
    is_first_form = vectors["format"] == "edgebake.golden/1"
    if is_first_form:
        tolerances = listed_tolerances(target, tolerances)
    for number, entry in enumerate(vectors["examples"]):
        example = listed(target, entry) if is_first_form else entry
        for difference in differences(bundle, target, tolerances, example, model):
            raise BundleError(f"golden vector {number}: {difference}")
    return model


def listed(target: JsonObject, example: JsonObject) -> JsonObject:
    """Return a golden vector of edgebake.golden/1, one image and one output, in the form of /2."""
    (model_input,) = inputs_of(target)
    (output,) = outputs_of(target)
    return {
        "raw": {model_input["name"]: {"form": "png", "data": example["image"]}},
        "tensors": {model_input["name"]: example["tensor"]},
        "outputs": {output["name"]: {"values": example["output"]}},
        "answer": example["answer"],
    }


def listed_tolerances(target: JsonObject, tolerances: dict[str, float]) -> JsonObject:
    """Return the tolerances of edgebake.golden/1 in the form of edgebake.golden/2."""
    (model_input,) = inputs_of(target)
    (output,) = outputs_of(target)
    return {
        "inputs": {model_input["name"]: tolerances["tensor"]},
        "outputs": {output["name"]: tolerances["output"]},
    }


def differences(
    bundle: Bundle, target: JsonObject, tolerances: JsonObject, example: JsonObject, model: Model
) -> Iterator[str]:
    """Yield how this machine differs from a golden vector.

    Args:
        bundle: that has the target.
        target: of the manifest.
        tolerances: of the golden vectors, in real units, of `inputs` and `outputs` by name.
        example: one golden vector.
        model: of the target.
    """
    expected: Tensors = {}
    for model_input in inputs_of(target):
        name = model_input["name"]
        tensor = preprocess(bundle, model_input, decode_raw(example["raw"][name]))
        stored = _decode_tensor(example["tensors"][name])
        expected[name] = stored
        if (tensor.dtype, tensor.shape) != (stored.dtype, stored.shape):
            yield (
                f"{name} is {tensor.dtype} {tensor.shape}, expected {stored.dtype} {stored.shape}"
            )
            return
        step = float(model_input["tensor"]["scale"] or 1.0)
        tolerance = tolerances["inputs"][name]
        yield from _compare(name, tensor * step, stored * step, tolerance)
    # With the expected inputs, so that this tests the model alone.
    outputs = model(expected)
    for entry in outputs_of(target):
        name = entry["name"]
        values = example["outputs"][name]["values"]
        yield from _compare(name, _real(entry, outputs[name]), values, tolerances["outputs"][name])
    predictions = run(target["postprocessing"], outputs, target["labels"])
    actual_label = _first_label(predictions)
    expected_label = _first_label(example["answer"])
    if actual_label != expected_label:
        yield f"the answer is {actual_label}, expected {expected_label}"


def decode_raw(stored: JsonObject) -> Any:
    """Return the example of a golden vector.

    Raises:
        BundleError: its form is unknown.
    """
    content = base64.b64decode(stored["data"])
    match stored["form"]:
        # <image>
        case "png":
            return Image.open(io.BytesIO(content))
        # </image>
        case "utf8":
            return content.decode()
        case "pcm16":
            return np.frombuffer(content, "<i2").reshape(stored["shape"])
        case "float32":
            return np.frombuffer(content, "<f4").reshape(stored["shape"])
        case "int32":
            return np.frombuffer(content, "<i4").reshape(stored["shape"])
        case form:
            raise BundleError(f"{form}: unknown form; the bundle is newer than this code")


def _first_label(predictions: list[JsonObject]) -> list[str]:
    return [prediction["label"] for prediction in predictions[:1]]


def _decode_tensor(stored: JsonObject) -> Array:
    """Return the tensor of a golden vector, in the shape that it states."""
    content = base64.b64decode(stored["data"])
    dtype = np.dtype(stored["dtype"])
    little_endian = np.frombuffer(content, dtype.newbyteorder("<"))
    tensor = little_endian.reshape(stored["shape"])
    return tensor.astype(dtype)


def _real(entry: JsonObject, output: Array) -> Array:
    """Return the output [1, ...] of one example as real values [...]."""
    if entry["scale"] is None:
        real: Array = output[0]
        return real
    return dequantize(output[0], entry["scale"], entry["zero_point"])


def _compare(name: str, actual: Array, expected: ArrayLike, tolerance: float) -> Iterator[str]:
    """Yield how two arrays [...] differ in shape, or in values by more than a tolerance."""
    shape = np.shape(actual)
    expected_shape = np.shape(expected)
    if shape != expected_shape:
        yield f"{name} has the shape {shape}, expected {expected_shape}"
        return
    differences = np.subtract(actual, expected)
    difference = float(np.abs(differences).max())
    if not difference <= tolerance:  # true of NaN too
        yield f"{name} is {difference:.6g} off, expected at most {tolerance:.6g}"


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
    parser = argparse.ArgumentParser(description="Classify examples with a bundle.")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument(
        "--bundle", type=Path, default=Path("@PLATFORM@.zip"), help="a folder or a zip"
    )
    parser.add_argument(
        "--check", action="store_true", help="test every target with its golden vectors"
    )
    parser.add_argument("--target", help="default: the first target that is for this machine")
    # <streams>
    parser.add_argument(
        "--stream", action="store_true", help="the files are longer: print what is heard, and when"
    )
    # </streams>
    parser.add_argument("--kind", help="of input, for a bundle with models of several kinds")
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
    if arguments.kind:
        names = [name for name in names if kinds_of(bundle, name) == {arguments.kind}]
    if arguments.check:
        return check(bundle, names)
    # A desktop runs all files of a bundle for phones, so the rules for phones do not apply.
    if not arguments.target and bundle.manifest["platform"] == "linux":
        choices = resolve(bundle.manifest, facts(arguments.soc))
        allowed = [choice.target for choice in choices]
        names = [name for name in allowed if name in names]
    kinds = set().union(*(kinds_of(bundle, name) for name in names))
    if len(kinds) > 1:
        raise BundleError(f"the models take {', '.join(sorted(kinds))}; expected --kind")
    target, model = first_that_works(bundle, names)
    for path in arguments.files:
        answer = classify
        # <streams>
        if arguments.stream:
            answer = hear
        # </streams>
        text = answer(bundle, target, model, path)
        print(f"{path}: {text}")
    return 0


def kinds_of(bundle: Bundle, name: str) -> set[str]:
    """Return the kinds of input that a target takes."""
    return {model_input["kind"] for model_input in inputs_of(bundle.manifest["targets"][name])}


def classify(bundle: Bundle, target: JsonObject, model: Model, path: Path) -> str:
    """Return the predictions for the example in a file as text."""
    (model_input,) = inputs_of(target)
    tensor = preprocess(bundle, model_input, read_raw(model_input, path))
    outputs = model({model_input["name"]: tensor})
    predictions = run(target["postprocessing"], outputs, target["labels"])
    results = []
    for prediction in predictions:
        results.append(f"{prediction['label']} {prediction['probability']:.3f}")
    return ", ".join(results) or "no answer"


# <streams>
def hear(bundle: Bundle, target: JsonObject, model: Model, path: Path) -> str:
    """Return the classes that are heard in a stream, and the second in which each of them is.

    Raises:
        BundleError: the model is not for streams.
    """
    (model_input,) = inputs_of(target)
    parameters = {step["step"]: step for step in model_input["preprocessing"]}
    steps = target["postprocessing"]
    after = {step["step"]: step for step in steps}
    if "smooth" not in after or "clip" not in parameters:
        raise BundleError(f"{target['model']}: not for streams; expected the steps clip and smooth")
    before = steps[: steps.index(after["smooth"])]
    stream = read_raw(model_input, path)
    clip = parameters["clip"]
    first = model_input["preprocessing"][0]
    rate = first.get("rate") or first["rate_hz"]
    starts = range(0, max(1, len(stream) - clip["samples"] + 1), clip["hop"])
    probabilities = []
    for start in starts:
        tensor = preprocess(bundle, model_input, stream[start : start + clip["samples"]])
        outputs = model({model_input["name"]: tensor})
        probabilities.append(run(before, outputs, target["labels"]))
    means = smooth(np.array(probabilities, np.float32), after["smooth"]["over"])
    results = []
    for heard in listen(means, after["top_k"]["threshold"], after["smooth"]["hold"]):
        seconds = (starts[heard.clip] + clip["samples"]) / rate
        results.append(f"{target['labels'][heard.label]} at {seconds:.1f} s")
    return ", ".join(results) or "nothing"


# </streams>
def read_raw(model_input: JsonObject, path: Path) -> Any:
    """Return the example in a file: an image, a WAV file, rows of numbers as CSV, or a text.

    Raises:
        BundleError: the file cannot be an example of the input.
    """
    match model_input["raw"]["form"]:
        # <image>
        case "png":
            return Image.open(path)
        # </image>
        case "utf8":
            return path.read_text(encoding="utf-8")
        case "pcm16":
            return _read_wave(model_input["preprocessing"][0], path)
        case "float32":
            return np.loadtxt(path, np.float32, delimiter=",", ndmin=2)
        case "int32":
            return np.loadtxt(path, np.int32, delimiter=",", ndmin=1)
        case form:
            raise BundleError(f"{path}: cannot be read as {form}")


def _read_wave(sound: Step, path: Path) -> NDArray[np.int16]:
    """Return the samples [n] of a WAV file at the rate of the step `sound`."""
    with wave.open(str(path)) as file:
        form = (file.getframerate(), file.getnchannels(), 8 * file.getsampwidth())
        content = file.readframes(file.getnframes())
    expected = (sound["rate"], sound["channels"], 16)
    if form != expected:
        raise BundleError(f"{path}: rate, channels and bits are {form}; expected {expected}")
    return np.frombuffer(content, "<i2").astype(np.int16)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BundleError, OSError, zipfile.BadZipFile) as error:
        sys.exit(f"classify.py: {error}")

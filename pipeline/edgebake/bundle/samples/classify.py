"""Classify pictures with a bundle of edgebake; numpy, Pillow and the runtime of its models are all that is needed.

Models, labels and rules are read from manifest.json, so that the next release of the same shape needs no other code.

    python classify.py --bundle @PLATFORM@.zip picture.png    what is on a picture
    python classify.py --bundle @PLATFORM@.zip --check        whether every model answers its golden vectors here
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
from numpy.typing import NDArray
from PIL import Image

# <encrypted>
from edgebake.bundle.trust.decryption import decrypt

# </encrypted>
from edgebake.tasks.postprocess import dequantize, run
from edgebake.bundle.device_matching import Facts, resolve

Model = Callable[[NDArray[Any]], NDArray[Any]]
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


class BundleError(Exception):
    """A bundle that cannot be used here; the text says why."""


class Bundle:
    """A bundle on disk, a folder or an archive."""

    def __init__(self, path: Path, key: bytes | None = None) -> None:
        self._path, self._key = path, key
        self.manifest: dict[str, Any] = json.loads(self._content("manifest.json"))
        self._files = {one["path"]: one for one in self.manifest["files"]}

    def read(self, path: str) -> bytes:
        """Return what a file holds, after comparing it with the manifest.

        Raises:
            BundleError: it is not what the manifest says.
        """
        content, entry = self._content(path), self._files[path]
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise BundleError(f"{path}: not the file that manifest.json lists")
        # <encrypted>
        if "encryption" in entry:
            content = self._decrypted(path, content)
        # </encrypted>
        return content

    # <encrypted>
    def _decrypted(self, path: str, content: bytes) -> bytes:
        if self._key is None:
            raise BundleError(f"{path}: is encrypted; expected --key FILE")
        about = (self.manifest["name"], self.manifest["version"], self.manifest["platform"], path)
        plain = io.BytesIO()
        decrypt(io.BytesIO(content), plain, self._key, "/".join(about).encode())
        opened, said = plain.getvalue(), self._files[path]["encryption"]
        if (len(opened), hashlib.sha256(opened).hexdigest()) != (
            said["plain_size"],
            said["plain_sha256"],
        ):
            raise BundleError(f"{path}: decrypted, not the file that manifest.json lists")
        return opened

    # </encrypted>
    def _content(self, path: str) -> bytes:
        if self._path.is_dir():
            return (self._path / path).read_bytes()
        with zipfile.ZipFile(self._path) as archive:
            return archive.read(path)


def preprocess(steps: list[dict[str, Any]], picture: Image.Image) -> NDArray[Any]:
    """Return what the model takes for a picture [1, height, width, channels]."""
    words = {step["step"]: step for step in steps}
    picture = picture.convert("L" if words["decode"]["colour"] == "grey" else "RGB")
    size = (words["resize"]["width"], words["resize"]["height"])
    box = middle(picture.size, size) if "crop" in words else None
    # With a box, Pillow's filters still see the pixels around it; cropped first, they would not.
    resized = picture.resize(size, FILTERS[words["resize"]["filter"]], box)
    pixels: NDArray[Any] = np.asarray(resized).reshape(1, size[1], size[0], -1)
    if words["decode"]["colour"] == "bgr":
        pixels = pixels[..., ::-1]
    if "normalize" not in words:
        return pixels
    mean, scale = np.float32(words["normalize"]["mean"]), np.float32(words["normalize"]["scale"])
    real = (pixels.astype(np.float32) - mean) * scale
    return quantize(real, words["quantize"]) if "quantize" in words else real


def middle(size: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest box in the middle of a picture that has the shape of another; whole pixels, rounded down."""
    (width, height), (across, down) = size, shape
    wide, high = min(width, height * across // down), min(height, width * down // across)
    left, top = (width - wide) // 2, (height - high) // 2
    return left, top, left + wide, top + high


def quantize(real: NDArray[np.float32], step: dict[str, Any]) -> NDArray[Any]:
    """Return real values as integers, rounded to even and clipped."""
    limits = np.iinfo(step["dtype"])
    stored: NDArray[Any] = np.rint(real / step["scale"] + step["zero_point"]).clip(
        limits.min, limits.max
    )
    return stored.astype(step["dtype"])


def load(target: dict[str, Any], content: bytes) -> Model:
    """Return a model that runs on the CPU."""
    if target["runtime"] == "onnxruntime":
        return _onnx(content)
    if target["runtime"] == "litert":
        return _litert(content)
    raise BundleError(
        f"{target['model']}: {target['runtime']} does not run here; expected litert or onnxruntime"
    )


def _onnx(content: bytes) -> Model:
    import onnxruntime  # other bundles need the other runtime

    options = onnxruntime.SessionOptions()
    if b"QuantizeLinear" not in content:
        # Integer weights become floats once, at load, and not in every run.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def answer(tensor: NDArray[Any]) -> NDArray[Any]:
        output: NDArray[Any] = session.run(None, {name: tensor})[0]
        return output

    return answer


def _litert(content: bytes) -> Model:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    taken, given = (
        interpreter.get_input_details()[0]["index"],
        interpreter.get_output_details()[0]["index"],
    )

    def answer(tensor: NDArray[Any]) -> NDArray[Any]:
        interpreter.set_tensor(taken, tensor)
        interpreter.invoke()
        output: NDArray[Any] = interpreter.get_tensor(given)
        return output

    return answer


def checked(bundle: Bundle, name: str) -> Model:
    """Return the model of a target, after it answered its golden vectors.

    Raises:
        BundleError: it did not.
    """
    target = bundle.manifest["targets"][name]
    model = load(target, bundle.read(target["model"]))
    vectors = json.loads(bundle.read(target["golden"]))
    for number, example in enumerate(vectors["examples"]):
        for wrong in differences(target, vectors["tolerances"], example, model):
            raise BundleError(f"golden vector {number}: {wrong}")
    return model


def differences(
    target: dict[str, Any], tolerances: dict[str, float], example: dict[str, Any], model: Model
) -> Iterator[str]:
    """Yield in what this machine departs from a golden vector."""
    picture = Image.open(io.BytesIO(base64.b64decode(example["image"])))
    tensor, expected = preprocess(target["preprocessing"], picture), _tensor(example["tensor"])
    if (tensor.dtype, tensor.shape) != (expected.dtype, expected.shape):
        yield f"the input is {tensor.dtype} {tensor.shape}, expected {expected.dtype} {expected.shape}"
        return
    step = target["input"]["scale"] or 1.0
    yield from _off("input", tensor * float(step), expected * float(step), tolerances["tensor"])
    # With the expected input, so that only the model is asked.
    output = model(expected)
    yield from _off(
        "output", _real(target["postprocessing"], output), example["output"], tolerances["output"]
    )
    answers = run(target["postprocessing"], output, target["labels"])
    first, wanted = ([one["label"] for one in found[:1]] for found in (answers, example["answer"]))
    if first != wanted:
        yield f"the answer is {first}, expected {wanted}"


def _tensor(stored: dict[str, Any]) -> NDArray[Any]:
    little = np.frombuffer(
        base64.b64decode(stored["data"]), np.dtype(stored["dtype"]).newbyteorder("<")
    )
    return little.reshape(stored["shape"]).astype(stored["dtype"])


def _real(steps: list[dict[str, Any]], output: NDArray[Any]) -> NDArray[Any]:
    first = steps[0]
    return (
        dequantize(output[0], first["scale"], first["zero_point"])
        if first["step"] == "dequantize"
        else output[0]
    )


def _off(end: str, found: Any, expected: Any, tolerance: float) -> Iterator[str]:
    if np.shape(found) != np.shape(expected):
        yield f"the {end} has the shape {np.shape(found)}, expected {np.shape(expected)}"
        return
    off = float(np.abs(np.subtract(found, expected)).max())
    if not off <= tolerance:  # what is no number is not within it either
        yield f"the {end} is {off:.6g} off, expected at most {tolerance:.6g}"


def facts(soc: str | None) -> Facts:
    """Return what this machine says of itself."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    flags = {
        word
        for line in lines
        if line.startswith(("flags", "Features"))
        for word in line.split(":")[1].split()
    }
    return Facts(platform.libc_ver()[1] or "0", soc or _soc(), memory, frozenset(flags))


def _soc() -> str | None:
    """Return the chip as a board's device tree names it: BCM2712 for brcm,bcm2712."""
    tree = Path("/proc/device-tree/compatible")
    names = tree.read_text().rstrip("\0").split("\0") if tree.exists() else []
    return names[-1].rpartition(",")[2].upper() if names else None


def first_that_works(bundle: Bundle, names: list[str]) -> tuple[dict[str, Any], Model]:
    """Return the first of some targets that loads and answers its golden vectors, and its model.

    Raises:
        BundleError: none does.
    """
    for name in names:
        try:
            return bundle.manifest["targets"][name], checked(bundle, name)
        except (
            Exception
        ) as error:  # a runtime may raise anything; the next target is there for that
            print(f"{name}: left out: {error}", file=sys.stderr)
    raise BundleError("no model of this bundle works on this machine")


def check(bundle: Bundle, names: list[str]) -> int:
    """Print how each target answers its golden vectors, and return the exit status."""
    failed = False
    for name in names:
        try:
            checked(bundle, name)
            print(f"{name}: answers its golden vectors")
        except Exception as error:
            failed = True
            print(f"{name}: {error}", file=sys.stderr)
    return int(failed)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Classify pictures with a bundle.")
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument(
        "--bundle", type=Path, default=Path("@PLATFORM@.zip"), help="a folder or a zip"
    )
    parser.add_argument(
        "--check", action="store_true", help="replay the golden vectors of every target"
    )
    parser.add_argument(
        "--target", help="take this one; else the first whose rule this machine meets"
    )
    parser.add_argument("--soc", help="the chip, where the system does not name it")
    # <encrypted>
    parser.add_argument("--key", type=Path, help="a file that holds the key, as base64")
    # </encrypted>
    words = parser.parse_args()
    key: bytes | None = None
    # <encrypted>
    key = base64.b64decode(words.key.read_bytes()) if words.key else None
    # </encrypted>
    bundle = Bundle(words.bundle, key)
    # Of a bundle for phones, every file runs on a desktop's CPU: what a phone says of itself is not asked.
    every = [words.target] if words.target else bundle.manifest["chain"]
    if words.check:
        return check(bundle, every)
    fitting = (
        every
        if words.target or bundle.manifest["platform"] != "linux"
        else _fitting(bundle, words.soc)
    )
    target, model = first_that_works(bundle, fitting)
    for path in words.pictures:
        output = model(preprocess(target["preprocessing"], Image.open(path)))
        answers = run(target["postprocessing"], output, target["labels"])
        said = ", ".join(f"{one['label']} {one['probability']:.3f}" for one in answers)
        print(f"{path}: {said or 'no answer'}")
    return 0


def _fitting(bundle: Bundle, soc: str | None) -> list[str]:
    return [choice.target for choice in resolve(bundle.manifest, facts(soc))]


if __name__ == "__main__":
    sys.exit(main())

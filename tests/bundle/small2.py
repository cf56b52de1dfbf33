"""Bundles of edgebake.manifest/2: small real models of sounds, signals and texts."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edgebake.bundle import numbers_file, processing_steps
from edgebake.runtimes.session import Tensor
from edgebake.tasks import postprocess
from edgebake.tasks.contract import prepare_input
from edgebake.tasks.inputs.audio.mel import mel_matrix
from edgebake.tasks.inputs.interface import load_input
from edgebake.tasks.tensors import ContractInput, Step, TensorSpec
from tests.bundle import small, sums_model

EXAMPLES = 4
OVER = 3  # clips of a stream
HOLD = 2
THRESHOLD = 0.34
RUNTIME = "onnxruntime"
FLOAT_TOLERANCE = 0.001
INTEGER_TOLERANCE = 0.04
FREQUENCIES = (220, 330, 440, 880, 1760)
WORDS = ("Guten Tag", "žluťoučký kůň", "naïve façade", "日本語のテキスト", "emoji 🙂 end", "x")

AUDIO_STEPS: tuple[Step, ...] = (
    {"step": "sound", "rate": 16000, "channels": 1, "format": "pcm16"},
    {"step": "clip", "samples": 16000, "hop": 8000, "short": "zeros_behind"},
    {"step": "scale", "by": 1 / 32768},
    {"step": "frames", "length": 480, "hop": 320, "centred": False},
    {"step": "window", "shape": "hann", "periodic": True},
    {"step": "power_spectrum", "fft": 512},
    {"step": "matrix", "file": "mel", "rows": 257, "columns": 40},
    {"step": "log", "base": "e", "plus": 1e-6},
    {"step": "normalize", "mean": -3.2596457, "scale": 0.269826},
)
SIGNAL_STEPS: tuple[Step, ...] = (
    {
        "step": "signal",
        "rate_hz": 50,
        "channels": ["ax", "ay", "az", "gx", "gy", "gz"],
        "units": ["m/s2", "m/s2", "m/s2", "rad/s", "rad/s", "rad/s"],
        "uneven": "linear",
    },
    {"step": "clip", "samples": 128, "hop": 64, "short": "refuse"},
    {
        "step": "normalize",
        "mean": [0.1, -0.2, 9.8, 0, 0.01, -0.02],
        "scale": [0.2, 0.21, 0.22, 0.5, 0.6, 0.7],
    },
)
TEXT_STEPS: tuple[Step, ...] = (
    {"step": "utf8", "normal_form": "none"},
    {"step": "bytes", "plus": 1, "length": 96, "keep": "first", "pad": 0},
)
INPUTS = {
    "audio": ContractInput(
        "audio",
        "audio",
        TensorSpec("audio", (49, 40, 1), "float32"),
        AUDIO_STEPS,
        {"mel": mel_matrix(16000, 512, 40, 20, 7600)},
    ),
    "signal": ContractInput(
        "signal", "signal", TensorSpec("signal", (128, 6), "float32"), SIGNAL_STEPS
    ),
    "text": ContractInput("text", "text", TensorSpec("text", (96,), "int32", 256), TEXT_STEPS),
}
# Targets by name: the inputs of each, and whether its file is of integers.
TARGETS: dict[str, tuple[tuple[str, ...], bool]] = {
    "audio": (("audio",), False),
    "audio_integers": (("audio",), True),
    "signal": (("signal",), False),
    "signal_integers": (("signal",), True),
    "text": (("text",), False),
    "both": (("audio", "text"), False),
}


def examples(kind: str, count: int, seed: int) -> list[Any]:
    """Return random examples of a kind of input, as it takes them."""
    rng = np.random.default_rng(seed)
    makers = {"audio": _sound, "signal": _signal, "text": _text}
    return [makers[kind](rng) for _ in range(count)]


def _sound(rng: np.random.Generator) -> NDArray[np.int16]:
    """Return tones in noise, int16 [n], some of them shorter than a clip and some longer."""
    samples = int(rng.integers(9_000, 20_000))
    times = np.arange(samples) / 16_000
    sound = rng.normal(0, 10 ** rng.uniform(0, 3), samples)
    for frequency in rng.choice(FREQUENCIES, 2, replace=False):
        sound += rng.uniform(0, 12_000) * np.sin(2 * np.pi * frequency * times)
    return sound.clip(-32768, 32767).astype(np.int16)


def _signal(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return measurements, float32 [n, 6]."""
    samples = int(rng.integers(128, 200))
    gravity = np.array([0, 0, 9.81, 0, 0, 0])
    values = gravity + rng.normal(0, 4, (samples, 6)) + rng.normal(0, 8, 6)
    return values.astype(np.float32)


def _text(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(WORDS, int(rng.integers(1, 14))))


def bundle(platform: str, *names: str) -> dict[str, bytes]:
    """Return the files of a bundle by path; of all targets, if none is named."""
    files: dict[str, bytes] = {}
    targets = {name: _target(name, files) for name in names or TARGETS}
    listed = []
    for path, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        listed.append({"path": path, "sha256": digest, "size": len(content)})
    manifest = {
        "schema": "edgebake.manifest/2",
        "name": "small",
        "version": "1.0.0",
        "platform": platform,
        "source": {"git_commit": "ab" * 20, "dirty": False},
        "chain": list(targets),
        "targets": targets,
        "files": listed,
    }
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def _target(name: str, files: dict[str, bytes]) -> dict[str, Any]:
    """Return the entry of a target, and add its files."""
    kinds, is_integer = TARGETS[name]
    specs = [INPUTS[kind] for kind in kinds]
    tensors = [_input_tensor(spec, is_integer) for spec in specs]
    outputs = _output_tensors(is_integer, len(kinds))
    model = sums_model.render(tensors, outputs)
    labels = f"models/{name}.labels.txt"
    after = _after(outputs, labels)
    files |= numbers_file.render(specs, name)
    files[f"models/{name}.onnx"] = model
    files[labels] = "".join(f"{label}\n" for label in small.CLASSES).encode()
    vectors = _vectors(specs, tensors, outputs, model, after)
    files[f"golden/{name}.json"] = json.dumps(vectors).encode()
    return {
        "device": {"name": name, **small.ANY_DEVICE},
        "accelerators": ["cpu"],
        "model": f"models/{name}.onnx",
        "runtime": RUNTIME,
        "task": "classification",
        "inputs": processing_steps.inputs(list(zip(specs, tensors, strict=True)), {}, name),
        "outputs": [asdict(output) for output in outputs],
        "postprocessing": after,
        "labels": small.CLASSES,
        "golden": f"golden/{name}.json",
        "tools": {"onnxruntime": "1.32.0"},
    }


def _input_tensor(spec: ContractInput, is_integer: bool) -> Tensor:
    shape = [1, *spec.tensor.shape]
    if is_integer:
        return Tensor(spec.name, shape, "int8", "values", 0.05, 3)
    return Tensor(spec.name, shape, spec.tensor.dtype, "values")


def _output_tensors(is_integer: bool, count: int) -> list[Tensor]:
    """Return `probabilities`; of a model with two inputs, behind another output."""
    if is_integer:
        return [Tensor("probabilities", [1, 3], "int8", "NC", 1 / 256, -128)]
    outputs = [Tensor("probabilities", [1, 3], "float32", "NC")]
    if count == 2:
        outputs.insert(0, Tensor("sums", [1, 3], "float32", "values"))
    return outputs


def _after(outputs: Sequence[Tensor], labels: str) -> list[dict[str, Any]]:
    probabilities = outputs[-1]
    steps: list[dict[str, Any]] = []
    if probabilities.scale is not None:
        zero_point = probabilities.zero_point
        dequantize = {"scale": probabilities.scale, "zero_point": zero_point}
        steps.append({"step": "dequantize", **dequantize})
    steps.append({"step": "smooth", "over": OVER, "hold": HOLD})
    steps.append({"step": "top_k", "k": 3, "threshold": THRESHOLD, "labels": labels})
    if len(outputs) > 1:
        steps[0]["output"] = probabilities.name
    return steps


def _vectors(
    specs: Sequence[ContractInput],
    tensors: Sequence[Tensor],
    outputs: Sequence[Tensor],
    model: bytes,
    after: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return golden vectors in the form edgebake.golden/2."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in outputs]
    vectors = []
    for number in range(EXAMPLES):
        raw, feeds, stored = {}, {}, {}
        for spec, tensor in zip(specs, tensors, strict=True):
            (example,) = examples(spec.kind, 1, seed=number)
            raw[spec.name] = raw_value(spec.kind, example)
            feeds[spec.name] = tensor.to_stored(prepare_input(spec, [example]))
            stored[spec.name] = _stored(feeds[spec.name])
        predicted = dict(zip(names, session.run(names, feeds), strict=True))
        real = {output.name: output.to_real(predicted[output.name]) for output in outputs}
        listed = {name: {"shape": [3], "values": real[name][0].tolist()} for name in names}
        answer: Any = postprocess.run(after, predicted, small.CLASSES)
        vector = {"name": str(number), "raw": raw, "tensors": stored, "outputs": listed}
        vectors.append({**vector, "label": answer[0]["label"], "answer": answer})
    limits = {"inputs": {}, "outputs": dict.fromkeys(names, FLOAT_TOLERANCE)}
    for spec, tensor in zip(specs, tensors, strict=True):
        limits["inputs"][spec.name] = load_input(spec.kind).tolerance(spec, asdict(tensor))
        if tensor.scale is not None:
            limits["outputs"] = dict.fromkeys(names, INTEGER_TOLERANCE)
    return {
        "format": "edgebake.golden/2",
        "sha256": "ab" * 32,
        "tolerances": limits,
        "examples": vectors,
    }


def raw_value(kind: str, example: Any) -> dict[str, Any]:
    """Return an example as golden vectors have it."""
    data = load_input(kind).to_golden(example)
    shape = [len(data)] if kind == "text" else list(np.shape(example))
    form = load_input(kind).raw_form
    return {"form": form, "shape": shape, "data": base64.b64encode(data).decode()}


def _stored(tensor: NDArray[Any]) -> dict[str, Any]:
    """Return a tensor [1, ...] as golden vectors have it."""
    little_endian = tensor.astype(tensor.dtype.newbyteorder("<"))
    data = base64.b64encode(little_endian.tobytes()).decode()
    return {"dtype": str(tensor.dtype), "shape": list(tensor.shape), "data": data}


def prepared(name: str, example: Any) -> NDArray[Any]:
    """Return the tensor [1, ...] that a target with one input takes for an example."""
    (kind,), is_integer = TARGETS[name]
    spec = INPUTS[kind]
    tensor = _input_tensor(spec, is_integer)
    return tensor.to_stored(prepare_input(spec, [example]))


def probabilities(name: str, example: Any) -> NDArray[np.float32]:
    """Return what a float target with one input answers to an example, [1, 3]."""
    ((kind,), _) = TARGETS[name]
    tensors = [_input_tensor(INPUTS[kind], is_integer=False)]
    model = sums_model.render(tensors, _output_tensors(is_integer=False, count=1))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answer: NDArray[np.float32] = session.run(None, {kind: prepared(name, example)})[0]
    return answer


def numbers(kind: str, target: str) -> Mapping[str, list[float]]:
    """Return the large constants of a kind by the path of their file."""
    spec = INPUTS[kind]
    paths = {}
    for key, values in spec.numbers.items():
        paths[numbers_file.path(target, spec, key)] = values.ravel().tolist()
    return paths

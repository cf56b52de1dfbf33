"""Measure agreement of Core ML packages with Keras, their size, and the speed of the executor.

    python -m benchmarks.coreml [agreement] [speed]
        [--models ds_cnn ...] [--epochs 4] [--targets iOS17 ...] [--rounds 60]

Agreement: each architecture is trained for some epochs on digits, converted with every scheme for
some deployment targets, and executed on Linux (edgebake's ML Program executor) on the test split.
Speed: the test split of the default release, and MobileNetV2-1.0-224 against ONNX Runtime on the
tf2onnx export of the same model, all in this process.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edgebake import plugins
from edgebake.compression.pruning.latency import median_seconds
from edgebake.compression.quantization import calibration
from edgebake.compression.quantization.schemes import SCHEMES
from edgebake.data.dataset import Examples, take_split
from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.quantized_model import QuantizedModel
from edgebake.plan.checks.model import IMPORT
from edgebake.recipe import (
    Calibration,
    Compression,
    Convert,
    CoreML,
    DType,
    Granularity,
    Model,
    Palette,
    Precision,
)
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams, TrainParams, read, read_plan
from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.executor import Executor
from edgebake.runtimes.coreml.executor.translation import Arithmetic, supported_operators
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, to_float_tflite
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract
from edgebake.tasks.inputs.image.spec import ImageSpec
from edgebake.tasks.options import ContractOptions

if TYPE_CHECKING:
    import keras

ABOUT = ReleaseInfo("benchmark", "1.0.0", "nobody", "Apache-2.0", "a benchmark")
PALETTES = {bits: Compression(palette=Palette(bits, None, False)) for bits in (3, 4, 6, 8)}
AGREEMENT_COLUMNS = (
    "model",
    "target",
    "weights",
    "bytes",
    "accuracy",
    "top-1 as Keras",
    "largest error",
    "in float32",
)
IMAGE_SIZE = 224  # of MobileNetV2, in pixels


@dataclass(frozen=True)
class Case:
    """A compression scheme for one deployment target.

    `granularity` applies to integer activations; `fallback_dtype` is that of the last layer.
    """

    label: str
    scheme: str
    target: str
    compression: Compression = field(default_factory=Compression)
    granularity: Granularity = Granularity.per_channel
    fallback_dtype: DType | None = None


CASES = (
    Case("float32", "none", "iOS15"),
    Case("float16", "float16", "iOS16"),
    Case("float16", "float16", "iOS26"),
    Case("int8 weights", "dynamic", "iOS16"),
    Case("int8 weights", "dynamic", "iOS18"),
    Case("int4, blocks of 32", "int4_weights", "iOS18", Compression(block_size=32)),
    Case("palette, 8 bits", "palettized", "iOS16", PALETTES[8]),
    Case("palette, 6 bits", "palettized", "iOS16", PALETTES[6]),
    Case("palette, 4 bits", "palettized", "iOS16", PALETTES[4]),
    Case("palette, 3 bits", "palettized", "iOS18", PALETTES[3]),
    Case(
        "palette, 4 bits, groups of 8",
        "palettized",
        "iOS18",
        Compression(palette=Palette(4, 8, False)),
    ),
    Case(
        "palette, 4 bits, scaled",
        "palettized",
        "iOS18",
        Compression(palette=Palette(4, None, True)),
    ),
    Case("sparse, 30 %", "sparse", "iOS16", Compression(sparsity=0.3)),
    Case(
        "sparse, 30 %, palette, 6 bits",
        "sparse_palettized",
        "iOS18",
        replace(PALETTES[6], sparsity=0.3),
    ),
    Case("int8 weights and activations", "int8", "iOS17"),
    Case("the same, one scale a layer", "int8", "iOS17", granularity=Granularity.per_tensor),
    Case("the same, last layer in float32", "mixed", "iOS17", fallback_dtype=DType.float32),
)


@dataclass(frozen=True)
class TrainedModel:
    """A trained architecture, its test split, and the predictions of Keras on that split."""

    archive: bytes
    contract: Contract
    pixels: NDArray[np.uint8]  # [n, h, w, c]
    labels: NDArray[np.int64]
    ranges: ActivationRanges | None
    predictions: NDArray[np.float32]  # [n, classes]


def main() -> None:
    """Measure the selected parts and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("parts", nargs="*", default=["agreement", "speed"], metavar="PART")
    architectures = [name for name in plugins.options("model.architecture") if name != IMPORT]
    add("--models", nargs="+", default=architectures)
    add("--epochs", type=int, default=4)
    targets = sorted({case.target for case in CASES})
    add("--targets", nargs="+", default=targets, choices=targets, help="of agreement")
    add("--rounds", type=int, default=60, help="of MobileNetV2, in speed")
    arguments = parser.parse_args()
    console = Console(width=140)
    if "speed" in arguments.parts:
        console.print(speed_table(list(speed(arguments.rounds))))
    if "agreement" in arguments.parts:
        cases = [case for case in CASES if case.target in arguments.targets]
        console.print(agreement_table(arguments.models, arguments.epochs, cases))
        console.print(f"operators covered: {len(supported_operators())}")


def agreement_table(architectures: list[str], epochs: int, cases: list[Case]) -> Table:
    """Return a table with a row for each model, deployment target and compression."""
    table = Table(
        *AGREEMENT_COLUMNS,
        title="executed on Linux (edgebake's ML Program executor), 540 test images of digits",
    )
    for architecture in architectures:
        model = train(architecture, epochs)
        keras_accuracy = f"{accuracy(model.predictions, model.labels):.4f}"
        size = str(len(model.archive))
        table.add_row(architecture, "-", "Keras", size, keras_accuracy, "1.0000", "0", "")
        for case in cases:
            table.add_row(architecture, case.target, case.label, *agreement_cells(model, case))
        sys.stderr.write(f"{architecture} measured\n")
    return table


def agreement_cells(model: TrainedModel, case: Case) -> list[str]:
    """Convert and execute a model; return the cells from its size to its error in float32."""
    files = convert(model, case)
    half = predict(files, model.pixels, Arithmetic.float16)
    full = predict(files, model.pixels, Arithmetic.float32)
    keras_labels = model.predictions.argmax(axis=1)
    return [
        str(sum(map(len, files.values()))),
        f"{accuracy(half, model.labels):.4f}",
        f"{accuracy(half, keras_labels):.4f}",
        f"{np.abs(half - model.predictions).max():.1e}",
        f"{np.abs(full - model.predictions).max():.1e}",
    ]


def train(architecture: str, epochs: int) -> TrainedModel:
    """Train an architecture for some epochs on digits, at 32 pixels."""
    params: TrainParams = read("train", next(iter(read_plan()["train"])))
    examples: Examples = plugins.load("data.source", "digits").load(params.data)
    model_contract = contract.from_recipe(
        ContractOptions(params.data, params.model, params.task), examples.classes
    )
    training = take_split(examples, params.data, "train")
    calibration_split = take_split(examples, params.data, "calibration")
    test = take_split(examples, params.data, "test")
    keras = keras_session.start(params.threads, params.seed)
    model = _build(architecture, model_contract)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    inputs = model_contract.image.preprocess(training.inputs)
    model.fit(inputs, training.labels, epochs=epochs, batch_size=32, verbose=0)
    pixels = model_contract.image.resize_images(test.inputs)
    predictions = model.predict(model_contract.image.normalize(pixels), verbose=0)
    archive = keras_session.save(model)
    samples = model_contract.image.preprocess(calibration_split.inputs[:100])
    ranges = calibration.calibrate(
        archive, {"image": samples}, Calibration("min_max", len(samples), 0)
    )
    return TrainedModel(archive, model_contract, pixels, test.labels, ranges, predictions)


def _build(architecture: str, model_contract: Contract) -> keras.Model:
    width = 0.5
    if architecture == "ds_cnn":
        width = 1.0
    elif architecture.startswith("mobilenet_v2"):
        width = 0.35
    options = Model(architecture, width, model_contract.image.height)
    builder = plugins.load("model.architecture", architecture)
    return builder.build(options, model_contract)


def convert(model: TrainedModel, case: Case) -> dict[str, bytes]:
    """Convert a model; return the files of its package by path."""
    scheme = SCHEMES[case.scheme]
    quantized = QuantizedModel(
        model.archive, case.scheme, scheme.weights, scheme.activations, compression=case.compression
    )
    if "granularity" in scheme.options:
        quantized = replace(quantized, granularity=case.granularity, ranges=model.ranges)
    if case.fallback_dtype:
        quantized = replace(
            quantized, fallback_dtype=case.fallback_dtype, fallback_layers=last_layer(model)
        )
    precision = Precision.float16
    if case.scheme == "none":
        precision = Precision.float32
    options = Convert("coreml", CoreML(case.target, precision, [], None))
    converter = importlib.import_module("edgebake.runtimes.coreml.convert")
    files: dict[str, bytes] = converter.convert(quantized, model.contract, ABOUT, options)
    return files


def last_layer(model: TrainedModel) -> dict[str, list[str]]:
    """Return the name of the last layer with weights, and the names of the values inside it."""
    if model.ranges is None:
        raise ValueError("a layer of a model without ranges")
    tflite = to_float_tflite(keras_session.load(model.archive))
    layers = CalibratedModel(tflite, model.ranges).layers
    last = [layer for layer in layers if layer.is_weighted][-1]
    return {last.name: last.values}


def predict(
    files: dict[str, bytes], pixels: NDArray[np.uint8], arithmetic: Arithmetic
) -> NDArray[np.float32]:
    """Return the executor's probabilities [n, classes] for images [n, h, w, c]."""
    executor = Executor(package.read(files), arithmetic)
    outputs = []
    for image in pixels:
        inputs = executor.prepare({"image": image})
        outputs.append(executor.run(inputs)[0])
    return np.concatenate(outputs)


def accuracy(predictions: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the share of top-1 predictions [n, classes] that equal the labels [n]."""
    return float((predictions.argmax(axis=1) == labels).mean())


def speed(rounds: int) -> Iterator[tuple[str, float, str]]:
    """Yield the name of each measurement, its seconds or ratio, and the aim."""
    model = train("ds_cnn", 1)
    files = convert(model, Case("", "float16", "iOS16"))
    for arithmetic in Arithmetic:
        seconds = median_seconds(partial(predict, files, model.pixels, arithmetic), 5)
        name = f"read, translate, run 540 images of digits, {arithmetic.value} arithmetic: seconds"
        yield name, seconds, "under 3"
    yield from mobilenet(rounds)


def mobilenet(rounds: int) -> Iterator[tuple[str, float, str]]:
    """Yield the latency of MobileNetV2-1.0-224 as a ratio to ONNX Runtime on its tf2onnx export."""
    model = _mobilenet_model()
    runs: dict[str, Callable[[], object]] = {"tf2onnx": _onnx_runtime_run(model)}
    programs = (
        ("none", "iOS15", Arithmetic.float32),
        ("float16", "iOS16", Arithmetic.float16),
        ("float16", "iOS16", Arithmetic.float32),
    )
    for scheme, target, arithmetic in programs:
        read_package = package.read(convert(model, Case("", scheme, target)))
        executor = Executor(read_package, arithmetic)
        inputs = executor.prepare({"image": model.pixels})
        name = f"{scheme} program, {arithmetic.value} arithmetic"
        runs[name] = partial(executor.run, inputs)
    medians = medians_in_turns(runs, rounds)
    baseline = medians.pop("tf2onnx")
    yield (
        "MobileNetV2-1.0-224, ONNX Runtime on the tf2onnx export: milliseconds",
        baseline * 1e3,
        "",
    )
    for name, seconds in medians.items():
        label = f"MobileNetV2-1.0-224, executor, {name}: ratio to it"
        yield label, seconds / baseline, "at most 1.5"


def _mobilenet_model() -> TrainedModel:
    """Return MobileNetV2 with random weights and one random image; latency depends on neither."""
    keras = importlib.import_module("keras")
    model = keras.applications.MobileNetV2(weights=None, input_shape=(IMAGE_SIZE, IMAGE_SIZE, 3))
    image = ImageSpec(
        IMAGE_SIZE, IMAGE_SIZE, "rgb", "none", "bilinear", mean=[127.5], scale=[1 / 127.5]
    )
    labels = [str(number) for number in range(1000)]
    model_contract = contract.image_classifier(image, labels)
    random = np.random.default_rng(0)
    return TrainedModel(
        keras_session.save(model),
        model_contract,
        pixels=random.integers(0, 256, (1, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8),
        labels=np.zeros(1, np.int64),
        ranges=None,
        predictions=np.zeros((1, 1000), np.float32),
    )


def _onnx_runtime_run(model: TrainedModel) -> Callable[[], object]:
    """Return a function that runs the float ONNX export of a model on its first image."""
    runtime = load_runtime("onnxruntime")
    unquantized = QuantizedModel(model.archive, "none", "float32", "float32")
    params = ConvertParams("onnxruntime", None, about=ABOUT)
    exported = runtime.convert_model(unquantized, model.contract, params)
    session = runtime.load_session(exported, 1)
    session.feed({"image": model.contract.image.normalize(model.pixels)})
    return session.invoke


def medians_in_turns(runs: dict[str, Callable[[], object]], count: int) -> dict[str, float]:
    """Return the median seconds of each. They run in turn, so that load of the host affects all."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(count):
        for name, run in runs.items():
            seconds[name].append(median_seconds(run, 1))
    return {name: statistics.median(durations) for name, durations in seconds.items()}


def speed_table(rows: list[tuple[str, float, str]]) -> Table:
    """Return a table with one row per measurement."""
    table = Table("one thread", "", "aim", title="medians, one run")
    for name, value, aim in rows:
        table.add_row(name, f"{value:.2f}", aim)
    return table


if __name__ == "__main__":
    main()

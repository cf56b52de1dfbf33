"""Measure agreement of Core ML packages with Keras, their size, and the speed of the executor.

    python -m benchmarks.coreml [agreement] [speed]
        [--models ds_cnn ...] [--epochs 4] [--targets iOS17 ...] [--rounds 60]

Agreement: each architecture is trained for some epochs on digits, converted with every scheme for
some deployment targets, and executed on Linux (edgebake's ML Program executor) on the test split.
Speed: the test split of the default release, and MobileNetV2-1.0-224 against ONNX Runtime on the
tf2onnx export of the same model, all in this process.
"""

import argparse
import importlib
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

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
from edgebake.recipe.stage_params import TrainParams, read, read_plan
from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.executor import Executor
from edgebake.runtimes.coreml.executor.translation import Arithmetic, supported_operators
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, to_float_tflite
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract

ABOUT = ReleaseInfo("benchmark", "1.0.0", "nobody", "Apache-2.0", "a benchmark")
PALETTES = {bits: Compression(palette=Palette(bits, None, False)) for bits in (1, 2, 3, 4, 6, 8)}


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
class Learned:
    """A trained architecture, its test split, and the predictions of Keras on that split."""

    archive: bytes
    contract: Contract
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ranges: ActivationRanges | None
    answers: NDArray[np.float32]


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["agreement", "speed"], metavar="PART")
    own = [name for name in plugins.options("model.architecture") if name != IMPORT]
    parser.add_argument("--models", nargs="+", default=own)
    parser.add_argument("--epochs", type=int, default=4)
    targets = sorted({case.target for case in CASES})
    parser.add_argument(
        "--targets", nargs="+", default=targets, choices=targets, help="of agreement"
    )
    parser.add_argument("--rounds", type=int, default=60, help="of MobileNetV2, in speed")
    asked = parser.parse_args()
    cases = [case for case in CASES if case.target in asked.targets]
    console = Console(width=140)
    if "speed" in asked.parts:
        console.print(speed_table(list(speed(asked.rounds))))
    if "agreement" in asked.parts:
        console.print(agreement_table(asked.models, asked.epochs, cases))
        console.print(f"operators covered: {len(supported_operators())}")


def agreement_table(models: list[str], epochs: int, cases: list[Case]) -> Table:
    """Return a row for each model, deployment target and compression."""
    heads = (
        "model",
        "target",
        "weights",
        "bytes",
        "accuracy",
        "top-1 as Keras",
        "largest error",
        "in float32",
    )
    table = Table(
        *heads,
        title="executed on Linux (edgebake's ML Program executor), 540 test images of digits",
    )
    for model in models:
        learned = trained(model, epochs)
        exact = accuracy(learned.answers, learned.labels)
        table.add_row(
            model, "-", "Keras", str(len(learned.archive)), f"{exact:.4f}", "1.0000", "0", ""
        )
        for case in cases:
            files = converted(learned, case)
            half, full = (answers(files, learned.pixels, arithmetic) for arithmetic in Arithmetic)
            numbers = (
                accuracy(half, learned.labels),
                accuracy(half, learned.answers.argmax(axis=1)),
            )
            errors = (float(np.abs(found - learned.answers).max()) for found in (half, full))
            size = sum(map(len, files.values()))
            named = [model, case.target, case.label, str(size)]
            table.add_row(*named, *(f"{n:.4f}" for n in numbers), *(f"{e:.1e}" for e in errors))
        sys.stderr.write(f"{model} measured\n")
    return table


def trained(architecture: str, epochs: int) -> Learned:
    """Return an architecture after some epochs on digits, at 32 pixels."""
    section: TrainParams = read("train", next(iter(read_plan()["train"])))
    examples: Examples = plugins.load("data.source", "digits").load(section.data)
    agreed = contract.from_recipe(section.data, section.model, examples.classes)
    keras = keras_session.start(section.threads, section.seed)
    width = 0.35 if architecture.startswith("mobilenet_v2") else 0.5
    words = Model(architecture, 1.0 if architecture == "ds_cnn" else width, agreed.height)
    model = plugins.load("model.architecture", architecture).build(
        words, agreed.channels, len(agreed.labels)
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    train, held, test = (
        take_split(examples, section.data, name) for name in ("train", "calibration", "test")
    )
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    model.fit(
        agreed.preprocess(train.images), train.labels, epochs=epochs, batch_size=32, verbose=0
    )
    pixels = agreed.resize_images(test.images)
    found = model.predict(agreed.normalize(pixels), verbose=0)
    archive, shown = keras_session.save(model), agreed.preprocess(held.images[:100])
    ranges = calibration.calibrate(archive, shown, Calibration("min_max", len(shown), 0))
    return Learned(archive, agreed, pixels, test.labels, ranges, found)


def converted(learned: Learned, case: Case) -> dict[str, bytes]:
    """Return the package of one case."""
    scheme = SCHEMES[case.scheme]
    quantized = QuantizedModel(
        learned.archive,
        case.scheme,
        scheme.weights,
        scheme.activations,
        compression=case.compression,
    )
    if "granularity" in scheme.options:
        quantized = replace(quantized, granularity=case.granularity, ranges=learned.ranges)
    if case.fallback_dtype:
        quantized = replace(
            quantized, fallback_dtype=case.fallback_dtype, fallback_layers=last_layer(learned)
        )
    precision = Precision.float32 if case.scheme == "none" else Precision.float16
    words = Convert("coreml", CoreML(case.target, precision, [], None))
    convert = importlib.import_module("edgebake.runtimes.coreml.convert").convert
    files: dict[str, bytes] = convert(quantized, learned.contract, ABOUT, words)
    return files


def last_layer(learned: Learned) -> dict[str, list[str]]:
    """Return the name of the last layer with weights, and the names of the values inside it."""
    if learned.ranges is None:
        raise ValueError("a layer of a model without ranges")
    layers = CalibratedModel(
        to_float_tflite(keras_session.load(learned.archive)), learned.ranges
    ).layers
    last = [layer for layer in layers if layer.is_weighted][-1]
    return {last.name: last.values}


def answers(
    files: dict[str, bytes], pixels: NDArray[np.uint8], arithmetic: Arithmetic
) -> NDArray[np.float32]:
    """Return the executor's probabilities for each image."""
    executor = Executor(package.read(files), arithmetic)
    return np.concatenate([executor.run(executor.prepare({"image": image}))[0] for image in pixels])


def accuracy(found: NDArray[np.float32], labels: NDArray[Any]) -> float:
    """Return how often the best answer is the label."""
    return float((found.argmax(axis=1) == labels).mean())


def speed(rounds: int) -> Iterator[tuple[str, float, str]]:
    """Yield what was timed, its seconds or ratio, and the aim."""
    learned = trained("ds_cnn", 1)
    files = converted(learned, Case("", "float16", "iOS16"))
    for arithmetic in Arithmetic:
        seconds = median_seconds(lambda one=arithmetic: answers(files, learned.pixels, one), 5)  # type: ignore[misc]
        yield (
            f"read, translate, run 540 images of digits, {arithmetic.value} arithmetic: seconds",
            seconds,
            "under 3",
        )
    yield from mobilenet(rounds)


def mobilenet(rounds: int) -> Iterator[tuple[str, float, str]]:
    """Yield the latency of MobileNetV2-1.0-224 as a ratio to ONNX Runtime on its tf2onnx export."""
    keras = importlib.import_module("keras")
    model = keras.applications.MobileNetV2(weights=None, input_shape=(224, 224, 3))
    agreed = Contract(
        "classification",
        224,
        224,
        "rgb",
        "none",
        "bilinear",
        [127.5],
        [1 / 127.5],
        [str(i) for i in range(1000)],
    )
    pixels = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    learned = Learned(
        keras_session.save(model), agreed, pixels, np.zeros(1, np.int64), None, pixels
    )
    onnx = importlib.import_module("edgebake.runtimes.onnxruntime.convert")
    exported = onnx.convert(
        QuantizedModel(learned.archive, "none", "float32", "float32"),
        agreed,
        ABOUT,
        Convert("", None),
    )
    reference = importlib.import_module("edgebake.runtimes.onnxruntime.run").load(exported, 1)
    reference.feed(agreed.normalize(pixels))
    runs: dict[str, Callable[[], Any]] = {"tf2onnx": reference.invoke}
    for scheme, target in (("none", "iOS15"), ("float16", "iOS16")):
        read_package = package.read(converted(learned, Case("", scheme, target)))
        for arithmetic in Arithmetic if scheme == "float16" else (Arithmetic.float32,):
            executor = Executor(read_package, arithmetic)
            fed = executor.prepare({"image": pixels})
            runs[f"{scheme} program, {arithmetic.value} arithmetic"] = partial(executor.run, fed)
    medians = taken_in_turns(runs, rounds)
    yield (
        "MobileNetV2-1.0-224, ONNX Runtime on the tf2onnx export: milliseconds",
        medians["tf2onnx"] * 1e3,
        "",
    )
    for name in list(runs)[1:]:
        yield (
            f"MobileNetV2-1.0-224, executor, {name}: ratio to it",
            medians[name] / medians["tf2onnx"],
            "at most 1.5",
        )


def taken_in_turns(runs: dict[str, Callable[[], Any]], count: int) -> dict[str, float]:
    """Return the median seconds of each. They run in turn, so that load of the host affects all."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(count):
        for name, run in runs.items():
            seconds[name].append(median_seconds(run, 1))
    return {name: statistics.median(found) for name, found in seconds.items()}


def speed_table(rows: list[tuple[str, float, str]]) -> Table:
    """Return what was timed, one row each."""
    table = Table("one thread", "", "aim", title="medians, one run")
    for what, value, aim in rows:
        table.add_row(what, f"{value:.2f}", aim)
    return table


if __name__ == "__main__":
    main()

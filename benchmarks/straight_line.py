"""The default release without recipes, DVC, stages and caches: one process from digits to three archives.

It does the work of a cold build with the same functions, and nothing twice: what benchmarks/build.py compares against.

    python benchmarks/straight_line.py FOLDER
"""

import importlib
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import calibration, contract, keras_session, plugins, reference, stopwatch
from pipeline.about import About
from pipeline.artifacts import write_files
from pipeline.bundle.archive import zipped
from pipeline.dataset import split
from pipeline.quantized import Quantized
from pipeline.recipe import Calibration, Compression, Convert, CoreML, Granularity, Palette, Precision
from pipeline.sections import TrainSection, ValidateSection, read, read_plan
from pipeline.stages import convert as convert_stage
from pipeline.tasks import classification

RUNTIMES = {"pixel_8": ("litert", "int8", "android"), "android_any": ("litert", "float16", "android")}
RUNTIMES |= {"iphone_15": ("coreml", "float16", "ios"), "iphone_se_3": ("coreml", "palettized", "ios")}
RUNTIMES |= {"raspberry_pi_5": ("onnxruntime", "int8", "linux")}
PALETTE = Compression(palette=Palette(6, None, False))


def main(folder: Path) -> None:
    """Train, quantize, convert, measure and pack the five targets."""
    section: TrainSection = read("train", next(iter(read_plan()["train"])))
    examples = plugins.load("data.source", section.data.source).load(section.data)
    agreed = contract.make(section.data, section.model, examples.classes)
    model = train(section, examples, agreed)
    archive, float_file = keras_session.save(model), reference.convert(model)
    held = split(examples, section.data, "calibration")
    drawn = held.take(np.random.default_rng(0).permutation(len(held.labels))[:100])
    ranges = calibration.calibrate(archive, agreed.prepare(drawn.images), Calibration("min_max", 100, 0))
    test = split(examples, section.data, "test")
    images = agreed.prepare(test.images)
    for target, (runtime, scheme, platform) in RUNTIMES.items():
        module = plugins.load("quantize.scheme", scheme)
        quantized = Quantized(archive, scheme, module.WEIGHTS, module.ACTIVATIONS)
        if scheme == "int8":
            quantized = replace(quantized, granularity=Granularity.per_channel, ranges=ranges)
        if scheme == "palettized":
            quantized = replace(quantized, compression=PALETTE)
        files = converted(quantized, runtime, agreed)
        found = {"float_accuracy": accuracy("litert", {"model.tflite": float_file}, images, test.labels)}
        taken = agreed.resized(test.images) if runtime == "coreml" else images
        found |= {"accuracy": accuracy(runtime, files, taken, test.labels)}
        if runtime != "coreml":
            found |= timed(runtime, files)
        write_files(folder / platform, {f"models/{target}/{name}": content for name, content in files.items()})
        (folder / platform / f"{target}.json").write_text(json.dumps(found, indent=2))
    for platform in ("android", "ios", "linux"):
        (folder / f"{platform}.zip").write_bytes(zipped(folder / platform))


def train(section: TrainSection, examples: Any, agreed: contract.Contract) -> Any:
    """Return the trained model, by the same schedule as the train stage."""
    keras = keras_session.start(section.threads, section.seed)
    model = plugins.load("model.architecture", section.model.architecture).build(section.model, 1, 10)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    learned, held = (split(examples, section.data, name) for name in ("train", "validation"))
    steps = section.epochs * -(-len(learned.labels) // section.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(section.learning_rate, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        agreed.prepare(learned.images),
        learned.labels,
        validation_data=(agreed.prepare(held.images), held.labels),
        epochs=section.epochs,
        batch_size=section.batch_size,
        verbose=0,
    )
    return model


def converted(quantized: Quantized, runtime: str, agreed: contract.Contract) -> dict[str, bytes]:
    """Return a runtime's files, held against Keras and the scheme as the convert stage does."""
    about = About("digits", "1.0.0", "the benchmark", "Apache-2.0", "straight line")
    precision = CoreML("iOS16", Precision.float16, [], None)
    section = Convert(runtime, precision if runtime == "coreml" else None)
    module = importlib.import_module(f"pipeline.runtimes.{runtime}.convert")
    files: dict[str, bytes] = module.convert(quantized, agreed, about, section)
    inspection = importlib.import_module(f"pipeline.runtimes.{runtime}.inspect").inspect(files)
    reached = plugins.load("convert.runtime", runtime).INT8_OPERATORS
    convert_stage.refuse_floats("straight line", quantized, inspection, reached)
    convert_stage.refuse_other_weights("straight line", quantized, inspection)
    asked = convert_stage.Answers("straight line", runtime, agreed, files)
    convert_stage.refuse_other_answers(asked, quantized, inspection)
    return files


def accuracy(runtime: str, files: dict[str, bytes], images: Any, labels: Any) -> float:
    """Return top-1 accuracy of a file in its own runtime."""
    session = importlib.import_module(f"pipeline.runtimes.{runtime}.run").load(files, 1)
    answers = []
    for i in range(len(labels)):
        session.feed(images[i : i + 1])
        session.invoke()
        answers.append(session.read()[0].copy())
    return classification.accuracy(np.stack(answers), labels)


def timed(runtime: str, files: dict[str, bytes]) -> dict[str, Any]:
    """Return latencies on one and on all threads, as often as the validate stage takes them."""
    section: ValidateSection = read("validate", next(iter(read_plan()["validate"])))
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), files)
        request: dict[str, Any] = {
            "runtime": runtime,
            "file": str(Path(folder) / plugins.load("convert.runtime", runtime).FILE),
            "baseline": None,
            "way": "",
            "batch": None,
            "sustained_minutes": None,
        }
        request |= {"warmup": section.warmup, "runs": section.runs, "seconds": section.seconds}
        return {str(threads): stopwatch.answer({**request, "threads": threads}) for threads in (1, "all")}


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Keras in, .mlpackage out, by coremltools, with an image as input and labels as output."""

import tempfile
from pathlib import Path
from typing import Any

from pipeline import keras_session
from pipeline.about import About
from pipeline.artifacts import read_files
from pipeline.contract import Contract
from pipeline.quantized import Quantized
from pipeline.recipe import Convert, CoreML
from pipeline.runtimes.coreml import FILE, activations, metadata, weights
from pipeline.runtimes.coreml.canonical import canonical


def convert(quantized: Quantized, contract: Contract, about: About, section: Convert) -> dict[str, bytes]:
    """Return the files of the package by their path, model.mlpackage/Manifest.json among them."""
    words = section.coreml
    if words is None:
        raise ValueError("a conversion to Core ML without its words")
    model = _program(keras_session.load(quantized.archive), contract, words)
    if quantized.calibration is not None:
        ranges = activations.ranges(files_of(model), contract.pixels(quantized.calibration))
        model = activations.quantized(model, ranges)
    model = weights.SETTINGS[quantized.scheme](model, quantized.compression)
    metadata.attach(model, contract, about)
    return files_of(model)


def files_of(model: Any) -> dict[str, bytes]:
    """Return what coremltools holds in memory as the files of a package; equal models give equal bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        model.save(str(path))
        canonical(path)
        return read_files(Path(folder))


def _program(model: Any, contract: Contract, words: CoreML) -> Any:
    import coremltools as ct  # noqa: PLC0415

    sizes = _sizes(contract, words)
    return ct.convert(
        [keras_session.frozen_graph(model, any_resolution=sizes is not None)],
        source="tensorflow",
        convert_to="mlprogram",
        inputs=[_image(contract, sizes)],
        classifier_config=ct.ClassifierConfig(contract.labels),
        minimum_deployment_target=ct.target[words.minimum_deployment_target],
        compute_precision=ct.precision[words.compute_precision.name.upper()],
        skip_model_load=True,
    )


def _image(contract: Contract, sizes: Any) -> Any:
    import coremltools as ct  # noqa: PLC0415

    return ct.ImageType(
        name="image",
        shape=sizes or (1, contract.height, contract.width, contract.channels),
        color_layout=ct.colorlayout.GRAYSCALE if contract.channels == 1 else ct.colorlayout.RGB,
        # Core ML computes pixel * scale + bias.
        scale=contract.scale,
        bias=-contract.mean * contract.scale if contract.channels == 1 else [-contract.mean * contract.scale] * 3,
    )


def _sizes(contract: Contract, words: CoreML) -> Any:
    """Return the sizes that an image may have; none where the model's own is the only one."""
    import coremltools as ct  # noqa: PLC0415

    own, channels, among = contract.height, contract.channels, words.resolution_range
    if among is not None:
        side = [ct.RangeDim(among.smallest, among.largest, default=own) for _ in range(2)]
        return ct.Shape((1, *side, channels))
    if words.resolutions:
        shapes = [(1, side, side, channels) for side in sorted({own, *words.resolutions})]
        return ct.EnumeratedShapes(shapes, default=(1, own, own, channels))
    return None

"""Keras in, .mlpackage out, by coremltools, with an image as input and labels as output."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import keras_session
from pipeline.about import About
from pipeline.contract import Contract
from pipeline.quantized import Quantized
from pipeline.recipe import Convert
from pipeline.runtimes.coreml import FILE, metadata
from pipeline.runtimes.coreml.canonical import canonical


def convert(quantized: Quantized, contract: Contract, about: About, section: Convert) -> dict[str, bytes]:
    """Return the files of the package by their path, model.mlpackage/Manifest.json among them."""
    graph = keras_session.frozen_graph(keras_session.load(quantized.archive))
    package = SETTINGS[quantized.scheme](_program(graph, quantized, contract, section))
    metadata.attach(package, contract, about)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        package.save(str(path))
        canonical(path)
        return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def _program(graph: Any, quantized: Quantized, contract: Contract, section: Convert) -> Any:
    import coremltools as ct  # noqa: PLC0415

    precision = ct.precision.FLOAT16 if quantized.scheme == "float16" else ct.precision.FLOAT32
    return ct.convert(
        [graph],
        source="tensorflow",
        convert_to="mlprogram",
        inputs=[_image(contract)],
        classifier_config=ct.ClassifierConfig(contract.labels),
        minimum_deployment_target=ct.target[section.minimum_deployment_target],
        compute_precision=precision,
        skip_model_load=True,
    )


def _image(contract: Contract) -> Any:
    import coremltools as ct  # noqa: PLC0415

    colours = ct.colorlayout.GRAYSCALE if contract.channels == 1 else ct.colorlayout.RGB
    return ct.ImageType(
        name="image",
        shape=(1, contract.height, contract.width, contract.channels),
        color_layout=colours,
        # Core ML computes pixel * scale + bias.
        scale=contract.scale,
        bias=-contract.mean * contract.scale if contract.channels == 1 else [-contract.mean * contract.scale] * 3,
    )


def _as_is(package: Any) -> Any:
    return package


def _dynamic(package: Any) -> Any:
    import coremltools.optimize as cto  # noqa: PLC0415

    settings = cto.coreml.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=0)
    return cto.coreml.linear_quantize_weights(package, cto.coreml.OptimizationConfig(global_config=settings))


SETTINGS: dict[str, Callable[[Any], Any]] = {"none": _as_is, "float16": _as_is, "dynamic": _dynamic}

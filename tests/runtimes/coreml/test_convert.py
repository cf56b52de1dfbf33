"""Keras becomes an ML Program with an image in front and labels behind, the same bytes each time.

Guards that each scheme ends in a package that says what the recipe says, for the oldest system
that takes it, and that no name, path or word of the machine that built ships in it.
Slow: each test converts with coremltools; a second process converts all schemes again.
"""

import functools
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake import plugins
from edgebake.artifacts import write_files
from edgebake.compression.quantization import calibration, schemes
from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.models.quantized_model import QuantizedModel
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
    ResolutionRange,
)
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes import coreml
from edgebake.runtimes.coreml import convert, inspect, package, run
from edgebake.runtimes.coreml.executor.executor import Executor, class_labels
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.coreml.executor.translation import Arithmetic
from edgebake.runtimes.coreml.recipe_checks import DEPLOYMENT_TARGETS
from edgebake.runtimes.coreml.strip import strip
from edgebake.runtimes.session import single_output
from tests.contracts import image_contract, square_contract, with_image

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
ABOUT = ReleaseInfo("digits", "1.2.3", "nobody", "Apache-2.0", "random weights")
LABELS = [f"label {i}" for i in range(10)]
GREY = image_contract(
    "classification", 32, 32, "grayscale", "none", "bilinear", [100.0], [0.01], LABELS
)
WORDS = CoreML("iOS16", Precision.float16, [], None)
PALETTE = Compression(palette=Palette(4, None, False))
# scheme, its first deployment target, how its weights are stored, what it is told
SCHEMES: list[tuple[str, str, str, Compression]] = [
    ("none", "iOS15", "float32", Compression()),
    ("float16", "iOS15", "float16", Compression()),
    ("dynamic", "iOS16", "int8", Compression()),
    ("palettized", "iOS16", "palette", PALETTE),
    ("sparse", "iOS16", "sparse", Compression(sparsity=0.5)),
    ("int8", "iOS17", "int8", Compression()),
    ("mixed", "iOS17", "int8", Compression()),
    ("int4_weights", "iOS18", "int4", Compression(block_size=16)),
    ("sparse_palettized", "iOS18", "palette", replace(PALETTE, sparsity=0.5)),
]


Files = dict[str, bytes]


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1)


@pytest.fixture(scope="module")
def archive(keras: Any) -> bytes:
    return random_archive(keras)


def random_archive(keras: Any, channels: int = 1) -> bytes:
    """Return a small classifier with weights that no two channels share."""
    keras.utils.set_random_seed(5)
    model = plugins.load("model.architecture", "ds_cnn").build(
        Model("ds_cnn", 0.25, 32), square_contract(32, channels, 10)
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(np.random.default_rng(5).uniform(0.5, 1.5, layer.gamma.shape))
    return keras_session.save(model)


def converted(
    archive: bytes, scheme: str, words: CoreML, compression: Compression | None = None
) -> dict[str, bytes]:
    item = quantized(archive, scheme)
    if scheme == "none":
        words = replace(words, compute_precision=Precision.float32)
    return convert.convert(
        replace(item, compression=compression or Compression()),
        GREY,
        ABOUT,
        Convert("coreml", words),
    )


def quantized(archive: bytes, scheme: str) -> QuantizedModel:
    """Return what quantize hands over; `mixed` keeps no layer."""
    module = schemes.SCHEMES[scheme]
    item = QuantizedModel(archive, scheme, module.weights, module.activations)
    if module.activations == "float32":
        return item
    ranges = calibration.calibrate(
        archive, {"image": GREY.image.normalize(pixels(8))}, Calibration("min_max", 8, 0)
    )
    keep = DType.float16 if "fallback_dtype" in module.options else None
    return replace(item, granularity=Granularity.per_channel, ranges=ranges, fallback_dtype=keep)


def pixels(count: int, side: int = 32, channels: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, channels), np.uint8)


def answer(files: dict[str, bytes], image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probabilities of one image [1, h, w, 1], in float32 arithmetic."""
    shape = (1, image.shape[-1], *image.shape[1:3])
    executor = Executor(package.read(files), Arithmetic.float32, shapes={"image": shape})
    return executor.run(executor.prepare({"image": image}))[0]


def test_every_scheme_is_tried() -> None:
    assert sorted(scheme for scheme, *_ in SCHEMES) == sorted(coreml.first_versions())


@functools.cache
def at_target(archive: bytes, scheme: str, target: str) -> Files:
    """Return the package of a scheme, converted once; to be read, not edited."""
    (compression,) = [row[-1] for row in SCHEMES if row[0] == scheme]
    return converted(archive, scheme, replace(WORDS, minimum_deployment_target=target), compression)


def _check(files: Files, scheme: str, stored: str) -> None:
    inspection = inspect.inspect(files)
    assert stored in inspection.tensors
    assert (inspection.input.dtype, inspection.input.shape) == ("image", [1, 32, 32, 1])
    assert inspection.boundaries.get("quantize", 0) == (
        inspection.boundaries["dequantize"] if scheme in ("int8", "mixed") else 0
    )
    assert answer(files, pixels(1)).sum() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("scheme", "first", "stored", "_"), SCHEMES)
def test_a_scheme_goes_into_its_first_target_and_the_newest(
    archive: bytes, scheme: str, first: str, stored: str, _: Compression
) -> None:
    for target in (first, DEPLOYMENT_TARGETS[-1]):
        _check(at_target(archive, scheme, target), scheme, stored)


@pytest.mark.parametrize(("scheme", "first", "_", "__"), SCHEMES)
def test_every_scheme_answers_with_the_same_bits_and_names_no_layer_once_it_is_stripped(
    archive: bytes, scheme: str, first: str, _: str, __: Compression
) -> None:
    files = at_target(archive, scheme, first)
    stripped = strip(files)
    for image in np.split(pixels(4), 4):
        np.testing.assert_array_equal(answer(stripped, image), answer(files, image))
    assert inspect.inspect(stripped) == inspect.inspect(files)
    assert class_labels(read_program(package.read(stripped))) == GREY.labels
    path = package.specification_file(files)
    ends = {"image", "probabilities"}  # the second is a word of the operation `classify` too
    layers = {layer.name for layer in keras_session.load(archive).layers} - ends
    words = [*layers, "functional", "batchnorm", "tensorflow", "coremltools", "nobody"]
    texts = [word.encode() for word in words]
    assert any(text in files[path] for text in texts)
    assert [text for text in texts if text in stripped[path]] == []
    assert len(stripped[path]) < len(files[path])
    assert strip(stripped) == stripped


def test_coremltools_reads_a_stripped_package(archive: bytes, tmp_path: Path) -> None:
    import coremltools
    from coremltools.converters.mil.frontend.milproto import load

    write_files(tmp_path, strip(at_target(archive, "float16", "iOS16")))
    model = coremltools.models.MLModel(str(tmp_path / "model.mlpackage"), skip_model_load=True)
    result = load.load(model.get_spec(), model.get_spec().specificationVersion, model.weights_dir)
    assert list(result.functions["main"].inputs) == ["image"]


@pytest.mark.parametrize("target", DEPLOYMENT_TARGETS)
def test_the_target_is_the_packages_own(archive: bytes, target: str) -> None:
    specification = package.read(at_target(archive, "float16", target)).specification
    versions = {
        "iOS15": 6,
        "iOS16": 7,
        "iOS17": 8,
        "iOS18": 9,
        "iOS26": 10,
    }  # of the format; Model.proto
    assert specification.specificationVersion == versions[target]


def test_image_scale_labels_and_description_are_in_the_package(archive: bytes, keras: Any) -> None:
    files = converted(archive, "none", WORDS)
    read = package.read(files)
    assert class_labels(read_program(read)) == GREY.labels
    metadata = read.specification.description.metadata
    assert (metadata.author, metadata.license, metadata.versionString) == (
        "nobody",
        "Apache-2.0",
        "1.2.3",
    )
    model = keras_session.load(archive)
    for image in np.split(pixels(3), 3):
        expected = np.asarray(model(GREY.image.normalize(image), training=False))
        assert np.abs(answer(files, image) - expected).max() < 1e-5


# Every pair of a color, one scale or a scale each, and one size or two.
@pytest.mark.parametrize(
    ("color", "scale", "sizes"),
    [
        ("rgb", [0.02], []),
        ("rgb", [0.01, 0.02, 0.03], [24]),
        ("bgr", [0.02], [24]),
        ("bgr", [0.01, 0.02, 0.03], []),
    ],
)
def test_a_package_sees_channels_as_keras_does(
    keras: Any, color: str, scale: list[float], sizes: list[int]
) -> None:
    agreed = with_image(GREY, color=color, mean=[104.0, 117.0, 123.0], scale=scale)
    archive = random_archive(keras, channels=3)
    options = replace(WORDS, compute_precision=Precision.float32, resolutions=sizes)
    item = quantized(archive, "none")
    session = run.load(convert.convert(item, agreed, ABOUT, Convert("coreml", options)), 1)
    model = keras_session.load(archive)
    for image in pixels(3, channels=3):
        seen = agreed.image.resize_images([image])
        session.feed({"image": seen})
        session.invoke()
        expected = np.asarray(model(agreed.image.normalize(seen), training=False))
        assert np.abs(single_output(session.read()) - expected).max() < 1e-5


def test_channels_of_several_scales_are_quantized_as_those_of_one(keras: Any) -> None:
    agreed = with_image(GREY, color="bgr", mean=[104.0, 117.0, 123.0], scale=[0.01, 0.02, 0.015])
    archive = random_archive(keras, channels=3)
    ranges = calibration.calibrate(
        archive,
        {"image": agreed.image.normalize(pixels(8, channels=3))},
        Calibration("min_max", 8, 0),
    )
    item = QuantizedModel(
        archive, "int8", "int8", "int8", granularity=Granularity.per_channel, ranges=ranges
    )
    options = replace(WORDS, minimum_deployment_target="iOS17")
    files = convert.convert(item, agreed, ABOUT, Convert("coreml", options))
    model = keras_session.load(archive)
    session = run.load(files, 1)
    for image in np.split(pixels(3, channels=3), 3):
        session.feed({"image": image})
        session.invoke()
        gap = single_output(session.read()) - np.asarray(
            model(agreed.image.normalize(image), training=False)
        )
        assert np.abs(gap).max() < 0.05


def test_every_bit_of_a_palette_is_one_value_more_or_less(archive: bytes) -> None:
    sizes = []
    for bits in (1, 2, 3, 4, 6, 8):
        options = replace(WORDS, minimum_deployment_target="iOS18")
        files = converted(
            archive, "palettized", options, Compression(palette=Palette(bits, None, False))
        )
        program = read_program(package.read(files))
        weights = [program.constants[entry.outputs[0].name][1] for entry in program.compressed]
        assert max(len(np.unique(weight)) for weight in weights) == min(
            2**bits, max(map(np.size, weights))
        )
        sizes.append(sum(map(len, files.values())))
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("palette", [Palette(4, 8, False), Palette(4, None, True)])
def test_groups_and_scales_bring_weights_nearer(archive: bytes, palette: Palette) -> None:
    newest = DEPLOYMENT_TARGETS[-1]
    options = replace(WORDS, minimum_deployment_target=newest)
    exact = _weights(at_target(archive, "float16", newest))
    plain = _weights(at_target(archive, "palettized", newest))
    better = _weights(converted(archive, "palettized", options, Compression(palette=palette)))
    assert _error(better, exact) < 0.9 * _error(plain, exact)


def _weights(files: dict[str, bytes]) -> list[NDArray[Any]]:
    program = read_program(package.read(files))
    names = [
        operation.inputs["weight"][0]
        for operation in program.operations
        if operation.kind in ("conv", "linear")
    ]
    return [program.constants[name][1].astype(np.float32) for name in names]


def _error(found: list[NDArray[Any]], exact: list[NDArray[Any]]) -> float:
    return float(
        sum(((entry - other) ** 2).sum() for entry, other in zip(found, exact, strict=True))
    )


@pytest.mark.parametrize(
    "words",
    [
        replace(WORDS, resolutions=[24, 48]),
        replace(WORDS, resolution_range=ResolutionRange(24, 96)),
    ],
    ids=["list", "range"],
)
def test_other_sizes_of_image_are_answered_as_keras_answers_them(
    archive: bytes, words: CoreML
) -> None:
    files = converted(archive, "none", words)
    model = keras_session._at_any_resolution(keras_session.load(archive))
    for side in (24, 32, 48):
        image = pixels(1, side)
        expected = np.asarray(model(GREY.image.normalize(image), training=False))
        assert np.abs(answer(files, image) - expected).max() < 1e-5
        np.testing.assert_array_equal(answer(strip(files), image), answer(files, image))
    assert inspect.inspect(files).input.shape == [1, 32, 32, 1]


def test_a_model_of_one_size_is_not_made_flexible(keras: Any) -> None:
    image = keras.Input((32, 32, 1), name="image")
    x = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(image))
    archive = keras_session.save(keras.Model(image, x))
    with pytest.raises(
        ConversionError,
        match=r"the model takes images of only one size: .*; expected no other sizes",
    ):
        converted(archive, "float16", replace(WORDS, resolutions=[48]))


def digests(archive: bytes) -> Iterator[str]:
    """Yield a digest of every scheme's package."""
    for scheme, first, *_ in SCHEMES:
        files = at_target(archive, scheme, first)
        content = b"".join(name.encode() + data for name, data in sorted(files.items()))
        yield f"{scheme} {hashlib.sha256(content).hexdigest()}"


def test_another_process_writes_the_same_bytes(archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(archive)
    program = (
        "import gc, sys; from pathlib import Path\n"
        "from edgebake.models import keras_session\n"
        "from tests.runtimes.coreml.test_convert import digests\n"
        "keras_session.start(1); gc.freeze()\n"
        "print(*digests(Path(sys.argv[1]).read_bytes()), sep=chr(10))"
    )
    settings = {
        **os.environ,
        "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'pipeline'}",
    }
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "model.keras")],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) == len(SCHEMES)
    assert done.stdout.splitlines() == list(digests(archive))


def test_where_blocks_do_not_fit_weights_are_int8_and_none_stays_in_float(archive: bytes) -> None:
    options = replace(WORDS, minimum_deployment_target="iOS18")
    program = read_program(
        package.read(converted(archive, "int4_weights", options, Compression(block_size=8)))
    )
    stored = {
        operation.outputs[0].name: program.constants[operation.inputs["data"][0]][0].dtype
        for operation in program.compressed
    }
    kinds = {}
    for operation in program.operations:
        if operation.kind in ("conv", "linear"):
            weight = program.constants[operation.inputs["weight"][0]][1]
            kinds[weight.shape[1] % 8 == 0] = stored[operation.inputs["weight"][0]]
    assert kinds == {True: "int4", False: "int8"}


def test_where_groups_do_not_fit_one_table_serves_all_channels(archive: bytes) -> None:
    options = replace(WORDS, minimum_deployment_target="iOS18")
    grouped = Compression(palette=Palette(4, 8, False))
    program = read_program(package.read(converted(archive, "palettized", options, grouped)))
    tables = {
        operation.outputs[0].name: program.constants[operation.inputs["lut"][0]][1].shape
        for operation in program.compressed
    }
    result = {}
    for operation in program.operations:
        if operation.kind in ("conv", "matmul"):
            parameter, axis = ("weight", 0) if operation.kind == "conv" else ("y", 1)
            name = operation.inputs[parameter][0]
            result[program.constants[name][1].shape[axis]] = tables[name][axis]
    assert result == {8: 1, 16: 2, 32: 4, 10: 1}  # output channels: tables

"""Golden vectors are clear, spread over the classes, small, and exactly what the file takes."""

import base64
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgebake.data.dataset import Examples
from edgebake.evaluation import golden
from edgebake.runtimes.session import Inspection, Operator, Tensor
from tests.contracts import image_contract, with_image

CLASSES = ["a", "b", "c"]
CONTRACT = image_contract(
    "classification", 4, 4, "grayscale", "none", "bilinear", [127.5], [1 / 127.5], CLASSES
)
FLOATS, INTEGERS = [Operator("Conv", ("float32",))], [Operator("Conv", ("int8",))]


def _file(
    tensor: Tensor | None = None,
    operators: list[Operator] = FLOATS,
    step: float | None = None,
    platform: str = "linux",
) -> golden.ConvertedFile:
    taken = tensor or Tensor("image", [1, 4, 4, 1], "float32", "NHWC")
    given = Tensor("probabilities", [1, 3], "float32", "NC", step, None if step is None else 0)
    return golden.ConvertedFile(
        "ab" * 32, platform, Inspection([taken], [given], operators, {}).to_dict(), CONTRACT
    )


def _examples(labels: list[int], sides: list[int] | None = None) -> Examples:
    images = [
        np.full((side, side), 10 * number, np.uint8)
        for number, side in enumerate(sides or [8] * len(labels))
    ]
    names = [f"a/{number}.png" for number in range(len(images))]
    areas = [image.size for image in images]
    return Examples(images, np.array(labels), CLASSES, names=names, sizes=areas)


def _predictions(*rows: list[float]) -> dict[str, NDArray[np.float32]]:
    return {"probabilities": np.array(rows, np.float32)}


def _vectors(
    file: golden.ConvertedFile, examples: Examples, outputs: dict[str, NDArray[np.float32]]
) -> dict[str, Any]:
    return golden.build_vectors(file, examples, {"image": examples.inputs}, outputs)


def _pictures(vectors: dict[str, Any]) -> list[NDArray[np.uint8]]:
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(example["image"]))))
        for example in vectors["examples"]
    ]


def _numbers(vectors: dict[str, Any]) -> list[int]:
    """Return which examples were taken: each picture is of one grey."""
    return [int(picture[0, 0]) // 10 for picture in _pictures(vectors)]


def test_the_bytes_of_a_picture_do_not_depend_on_who_deflates() -> None:
    vectors = _vectors(_file(), _examples([0]), _predictions(SURE[0]))
    written = base64.b64decode(vectors["examples"][0]["image"])
    # 8 rows of a filter's number and 8 pixels: stored, they stand in the file as they are.
    assert b"".join(b"\x00" + bytes(8) for _ in range(8)) in written


SURE = {0: [0.9, 0.05, 0.05], 1: [0.05, 0.9, 0.05], 2: [0.05, 0.05, 0.9]}


def test_examples_are_of_all_classes_before_any_is_there_twice() -> None:
    labels = [0, 0, 0, 0, 0, 1, 1, 2]
    vectors = _vectors(_file(), _examples(labels), _predictions(*(SURE[label] for label in labels)))
    # a, b, c in the first turn; a and b again in the second
    assert _numbers(vectors) == [0, 1, 5, 6, 7]
    assert [example["label"] for example in vectors["examples"]] == ["a", "a", "b", "b", "c"]
    names = [example["name"] for example in vectors["examples"]]
    assert names == ["a/0.png", "a/1.png", "a/5.png", "a/6.png", "a/7.png"]


def test_examples_are_as_many_as_there_are_when_there_are_few() -> None:
    assert _numbers(_vectors(_file(), _examples([0, 1]), _predictions(SURE[0], SURE[1]))) == [0, 1]


def test_an_answer_that_is_not_clear_is_no_example() -> None:
    # the tolerance is 0.04, so that the likeliest two have to lie more than 0.16 apart
    predictions = _predictions([0.57, 0.42, 0.01], [0.58, 0.41, 0.01])
    vectors = _vectors(_file(operators=INTEGERS), _examples([0, 0]), predictions)
    assert vectors["tolerances"]["output"] == 0.04
    assert _numbers(vectors) == [1]


def test_no_clear_answer_leaves_no_example() -> None:
    assert _vectors(_file(), _examples([0]), _predictions([0.5, 0.5, 0.0]))["examples"] == []


def test_right_answers_come_before_wrong_ones() -> None:
    labels = [1, 1, 1, 0, 0, 0, 0, 0]
    assert _numbers(_vectors(_file(), _examples(labels), _predictions(*[SURE[0]] * 8))) == [
        3,
        4,
        5,
        6,
        7,
    ]


def test_of_one_class_the_smallest_pictures_are_taken() -> None:
    sides = [64, 8, 64, 8, 64, 8, 8, 8]
    assert _numbers(_vectors(_file(), _examples([0] * 8, sides), _predictions(*[SURE[0]] * 8))) == [
        1,
        3,
        5,
        6,
        7,
    ]


def test_the_picture_is_the_raw_one_in_its_own_size() -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((9, 5), (7, 11, 3))]
    vectors = _vectors(
        _file(), replace(_examples([0, 1]), inputs=images), _predictions(SURE[0], SURE[1])
    )
    assert all(map(np.array_equal, _pictures(vectors), images))


@pytest.mark.parametrize(
    ("tensor", "data"),
    [
        (Tensor("image", [1, 4, 4, 1], "float32", "NHWC"), b"\0\0\x80\xbf" + b"\0\0\x80\x3f"),
        (Tensor("image", [1, 4, 4, 1], "int8", "NHWC", 1 / 128, 0), b"\x80\x7f"),
        (Tensor("image", [1, 4, 4, 1], "image", "NHWC"), b"\x00\xff"),
    ],
    ids=["float32", "int8", "image"],
)
def test_the_tensor_is_exactly_what_the_file_takes(tensor: Tensor, data: bytes) -> None:
    black, white = np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)
    examples = replace(_examples([0, 1]), inputs=[black, white])
    vectors = _vectors(_file(tensor), examples, _predictions(SURE[0], SURE[1]))
    tensors = [example["tensor"] for example in vectors["examples"]]
    assert [tensor["shape"] for tensor in tensors] == [[1, 4, 4, 1]] * 2
    assert {tensor["dtype"] for tensor in tensors} == {"uint8" if tensor.is_image else tensor.dtype}
    width = len(data) // 2
    assert [base64.b64decode(tensor["data"]) for tensor in tensors] == [
        data[:width] * 16,
        data[width:] * 16,
    ]


def test_the_answer_is_real_probabilities() -> None:
    vectors = _vectors(_file(), _examples([0]), _predictions([0.7, 0.2, 0.1]))
    assert vectors["examples"][0]["output"] == [0.7, 0.2, 0.1]


@pytest.mark.parametrize(
    ("tensor", "real"),
    [
        (Tensor("image", [1, 4, 4, 1], "float32", "NHWC"), 1.01 / 127.5),
        (Tensor("image", [1, 4, 4, 1], "int8", "NHWC", 0.008, 0), 1.01 / 127.5 + 0.008),
        (Tensor("image", [1, 4, 4, 1], "image", "NHWC"), 1.0),
    ],
    ids=["float32", "int8", "image"],
)
def test_a_tensor_may_be_one_pixel_level_off_and_rounded_another_way(
    tensor: Tensor, real: float
) -> None:
    assert golden.tolerances(_file(tensor)).inputs["image"] == pytest.approx(real)


def test_one_pixel_level_is_the_most_of_any_channel() -> None:
    file = replace(_file(), contract=with_image(CONTRACT, color="rgb", scale=[0.25, 0.5, 0.125]))
    assert golden.tolerances(file).inputs["image"] == pytest.approx(1.01 / 2)


@pytest.mark.parametrize(
    "tensor", [None, Tensor("image", [1, 4, 4, 1], "int8", "NHWC", 0.0078, 3)], ids=str
)
def test_a_pixel_that_is_one_level_off_is_within_the_tolerance_and_one_that_is_three_off_is_not(
    tensor: Tensor | None,
) -> None:
    file = _file(tensor)
    taken, allowed = Tensor(**file.inspection["input"]), golden.tolerances(file).inputs["image"]
    levels = CONTRACT.image.normalize(
        np.arange(16, 240, dtype=np.uint8)
    )  # of the range that int8 does not cut off
    real = taken.to_real(taken.to_stored(levels))
    assert np.abs(real[1:] - real[:-1]).max() <= allowed
    assert np.abs(real[3:] - real[:-3]).min() > allowed


@pytest.mark.parametrize(
    ("operators", "step", "platform", "real"),
    [
        (FLOATS, None, "linux", 0.001),
        (FLOATS, None, "android", 0.02),
        ([Operator("conv", ("float16",))], None, "linux", 0.02),
        (INTEGERS, None, "linux", 0.04),
        (INTEGERS, 1 / 256, "linux", 0.04),
        (INTEGERS, 1 / 64, "linux", 4 / 64),
        (FLOATS, 1 / 256, "linux", 4 / 256),
    ],
    ids=[
        "float32 on the CPU",
        "GPU",
        "float16",
        "integers",
        "integer output",
        "coarse output",
        "quantized output",
    ],
)
def test_an_answer_may_be_off_by_what_other_kernels_make_of_it(
    operators: list[Operator], step: float | None, platform: str, real: float
) -> None:
    assert (
        golden.tolerances(_file(operators=operators, step=step, platform=platform)).outputs[
            "probabilities"
        ]
        == real
    )


def test_the_same_answers_give_the_same_vectors() -> None:
    labels = [0, 1, 2, 0, 1, 2, 0]
    predictions = _predictions(*(SURE[label] for label in labels))
    assert _vectors(_file(), _examples(labels), predictions) == _vectors(
        _file(), _examples(labels), predictions
    )


def test_it_says_its_format_and_of_which_file_it_is() -> None:
    vectors = _vectors(_file(), _examples([0]), _predictions(SURE[0]))
    assert (vectors["format"], vectors["sha256"]) == ("edgebake.golden/1", "ab" * 32)

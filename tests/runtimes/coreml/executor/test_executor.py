"""Run packages: images of every color space, labels, several outputs, other input shapes."""

from typing import Any

import numpy as np
import pytest

from edgebake.errors import CoverageError
from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.executor import Executor, channel_count, class_labels
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.coreml.executor.translation import Arithmetic
from tests.runtimes.coreml import programs as handmade
from tests.runtimes.coreml.programs import Array, Image, Op, Typed, answers, files, op, real, whole

PIXELS = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)  # two rows, two columns, red green blue


def _seen(image: Image, pixels: Array) -> Any:
    """Return what a program sees of an image, its planes."""
    content = files({"image": image}, [op("identity", {"x": "image"}, seen=image.typed)], ["seen"])
    return answers(content, {"image": pixels})["seen"].tolist()


RGB_PLANES = [[[[0, 3], [6, 9]], [[1, 4], [7, 10]], [[2, 5], [8, 11]]]]


def test_an_image_in_color_becomes_three_planes() -> None:
    assert _seen(Image("RGB", 2, 2), PIXELS) == RGB_PLANES
    assert _seen(Image("RGB", 2, 2), PIXELS[None]) == RGB_PLANES


def test_blue_comes_first_where_the_program_says_so() -> None:
    assert _seen(Image("BGR", 2, 2), PIXELS) == [RGB_PLANES[0][::-1]]
    assert _seen(Image("BGR", 2, 2), PIXELS[None]) == [RGB_PLANES[0][::-1]]


@pytest.mark.parametrize("colors", ["GRAYSCALE", "GRAYSCALE_FLOAT16"])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (1, 2, 3, 1)])
def test_a_grey_image_is_one_plane(colors: str, shape: tuple[int, ...]) -> None:
    grey = np.array([0, 1, 2, 3, 4, 255], np.uint8).reshape(shape)
    assert _seen(Image(colors, 2, 3), grey) == [[[[0, 1, 2], [3, 4, 255]]]]


def test_an_image_of_flexible_size_has_the_default_of_the_package_or_what_is_asked_for() -> None:
    image = Image("RGB", 2, 2, flexible=True)
    content = files({"image": image}, [op("identity", {"x": "image"}, seen=image.typed)], ["seen"])
    assert answers(content, {"image": PIXELS})["seen"].tolist() == RGB_PLANES
    wider = np.concatenate([PIXELS, PIXELS], axis=1)
    assert answers(content, {"image": wider}, shapes={"image": (1, 3, 2, 4)})["seen"].shape == (
        1,
        3,
        2,
        4,
    )


@pytest.mark.parametrize(
    ("colors", "count"), [("RGB", 3), ("BGR", 3), ("GRAYSCALE", 1), ("GRAYSCALE_FLOAT16", 1)]
)
def test_channels_of_a_color_space(colors: str, count: int) -> None:
    content = files({"image": Image(colors, 1, 1)}, [], [])
    (feature,) = package.read(content).specification.description.input
    assert channel_count(feature.type.imageType.colorSpace) == count


def _classifier(names: list[str | int]) -> dict[str, bytes]:
    outputs: dict[str, Typed] = {"label": ("string", ()), "label_probs": ("dictionary", ())}
    head = Op(
        "classify", {"probabilities": "probabilities", "classes": handmade.labels(names)}, outputs
    )
    softmax = op("softmax", {"x": "x"}, probabilities=real(1, 2))
    return files({"x": real(1, 2)}, [softmax, head], ["label", "label_probs"])


def test_labels_are_in_the_order_of_the_probabilities() -> None:
    assert class_labels(read_program(package.read(_classifier(["dog", "cat"])))) == ["dog", "cat"]
    assert class_labels(read_program(package.read(_classifier([7, 3])))) == ["7", "3"]


def test_a_program_that_is_no_classifier_has_no_labels() -> None:
    content = files({"x": real(2)}, [op("relu", {"x": "x"}, y=real(2))], ["y"])
    assert class_labels(read_program(package.read(content))) == []


def test_a_classifier_answers_with_its_probabilities() -> None:
    executor = Executor(package.read(_classifier(["dog", "cat"])))
    assert executor.outputs == ["probabilities"]
    assert executor.predict({"x": np.zeros((1, 2))})["probabilities"].tolist() == [[0.5, 0.5]]


def test_several_outputs_come_in_the_order_of_the_program_each_by_its_name() -> None:
    steps = [
        op("relu", {"x": "x"}, first=real(2)),
        op("greater", {"x": "x", "y": 0.0}, second=("bool", (2,))),
    ]
    content = files({"x": real(2)}, steps, ["second", "first"])
    executor = Executor(package.read(content))
    assert executor.outputs == ["second", "first"]
    result = executor.run(executor.prepare({"x": np.array([-1.0, 2.0])}))
    assert [value.tolist() for value in result] == [[False, True], [0.0, 2.0]]


def test_several_values_of_one_operation_are_read() -> None:
    parts = op("split", {"x": "x", "axis": 0, "split_sizes": [1, 2]}, a=real(1), b=real(2))
    assert _listed(answers(files({"x": real(3)}, [parts], ["b", "a"]), {"x": [1, 2, 3]})) == {
        "b": [2, 3],
        "a": [1],
    }


def test_several_inputs_are_fed_by_name_and_others_are_left_out() -> None:
    content = files(
        {"x": real(2), "y": whole(2)}, [op("mul", {"x": "x", "y": "y"}, z=real(2))], ["z"]
    )
    fed = {"y": [3, 4], "x": [0.5, 1.5], "nobody": [1]}
    assert _listed(answers(content, fed)) == {"z": [1.5, 6.0]}


def test_values_are_fed_in_the_dtype_of_their_input() -> None:
    inputs: dict[str, Typed] = {"x": whole(2), "sure": ("bool", (2,))}
    steps = [
        op("identity", {"x": "x"}, y=whole(2)),
        op("logical_not", {"x": "sure"}, no=("bool", (2,))),
    ]
    result = answers(
        files(inputs, steps, ["y", "no"]), {"x": np.array([3.0, 4.0]), "sure": np.array([1, 0])}
    )
    assert _listed(result) == {"y": [3, 4], "no": [False, True]}
    assert result["y"].dtype == np.int32


def test_an_input_of_another_rank_takes_the_shape_of_the_program() -> None:
    content = files(
        {"x": real(1, 1, 2, 2)}, [op("identity", {"x": "x"}, y=real(1, 1, 2, 2))], ["y"]
    )
    assert _listed(answers(content, {"x": [[1, 2], [3, 4]]})) == {"y": [[[[1, 2], [3, 4]]]]}


def test_an_input_of_another_size_is_refused() -> None:
    content = files({"x": real(1, 2)}, [op("identity", {"x": "x"}, y=real(1, 2))], ["y"])
    with pytest.raises(Exception, match="Got invalid dimensions"):
        answers(content, {"x": [[1, 2, 3]]})


def test_an_output_may_be_a_constant_or_an_input() -> None:
    steps = [op("fill", {"shape": [2], "value": 1.5}, filled=real(2))]
    assert _listed(answers(files({"x": real(2)}, steps, ["filled"]), {"x": [0, 0]})) == {
        "filled": [1.5, 1.5]
    }
    steps = [
        op(
            "constexpr_sparse_to_dense",
            {"nonzero_data": [7.0], "mask": handmade.constant([0, 1], "uint1")},
            w=real(2),
        )
    ]
    assert _listed(answers(files({"x": real(2)}, steps, ["w"]), {"x": [0, 0]})) == {"w": [0.0, 7.0]}


def test_two_threads_give_the_same_answer_as_one() -> None:
    weight = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    content = files(
        {"x": real(8, 64)}, [op("linear", {"x": "x", "weight": weight}, y=real(8, 64))], ["y"]
    )
    fed = {"x": np.random.default_rng(1).normal(size=(8, 64))}
    single = Executor(package.read(content), threads=1).predict(fed)["y"]
    double = Executor(package.read(content), threads=2).predict(fed)["y"]
    np.testing.assert_allclose(single, double, rtol=1e-6)


def test_float16_is_what_an_executor_computes_in_unless_told_otherwise() -> None:
    content = files(
        {"x": ("float16", (1,))}, [op("add", {"x": "x", "y": 1e-4}, y=("float16", (1,)))], ["y"]
    )
    read, fed = package.read(content), {"x": np.array([1.0])}
    assert Executor(read).predict(fed)["y"].tolist() == [1.0]
    assert Executor(read, Arithmetic.float32).predict(fed)["y"].tolist() == [
        np.float32(1) + np.float32(1e-4)
    ]


def test_an_uncovered_operator_stops_an_executor_before_it_runs() -> None:
    content = files({"x": real(2)}, [op("sorcery", {"x": "x"}, y=real(2))], ["y"])
    with pytest.raises(CoverageError, match="sorcery"):
        Executor(package.read(content))


def _listed(result: dict[str, Array]) -> dict[str, Any]:
    return {name: value.tolist() for name, value in result.items()}

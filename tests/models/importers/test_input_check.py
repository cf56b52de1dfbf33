"""An input that is not one image is said to be what it is, in one line."""

import pytest

from edgebake.models.importers import input_check

SO_FAR = "edgebake imports image classifiers so far: expected images, [n, height, width, channels]"


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((None, 13), "float32", f"takes [n, 13], a row of numbers for each example; {SO_FAR}"),
        ((None, 20), "int64", f"takes [n, 20], whole numbers, such as token ids; {SO_FAR}"),
        ((None,), "string", f"takes [n], values of the type string, such as text; {SO_FAR}"),
        (
            (None, 28, 28),
            "float32",
            "takes [n, 28, 28], sequences, or images without an axis of channels; "
            f"{SO_FAR}{input_check.ADD_CHANNELS}",
        ),
        (
            (1, 4, 28, 28, 3),
            "float32",
            f"takes [1, 4, 28, 28, 3], volumes, or several images at once; {SO_FAR}",
        ),
        (
            (None, 3, 28, 28),
            "float32",
            "takes [n, 3, 28, 28], images with channels first; expected channels last",
        ),
        ((None, 28, 28, 4), "float32", "takes [n, 28, 28, 4]; expected images of 1 or 3 channels"),
    ],
)
def test_what_is_no_image_is_named(
    shape: tuple[int | None, ...], dtype: str, expected: str
) -> None:
    assert input_check.refusal(shape, dtype, channels_first=False) == expected


@pytest.mark.parametrize(
    ("shape", "channels_first"),
    [((None, 28, 28, 1), False), ((None, None, None, 3), False), ((1, 3, 28, 28), True)],
)
def test_images_pass(shape: tuple[int | None, ...], channels_first: bool) -> None:
    assert input_check.refusal(shape, "float32", channels_first) is None


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ((1, 3, 28, 28), None),
        ((None, 3, 28, 28), None),
        (("n", 3, 28, 28), None),
        (
            (8, 3, 28, 28),
            "takes 8 images at once; expected 1, or any number: export it with a batch of 1",
        ),
    ],
)
def test_a_batch_of_several_images_is_refused(
    shape: tuple[int | str | None, ...], problem: str | None
) -> None:
    assert input_check.batch_refusal(shape) == problem


def test_a_class_is_no_probability() -> None:
    assert input_check.number_refusal("float16") is None
    assert input_check.number_refusal("int64") == (
        "returns int64 numbers, such as the class itself; expected a probability or logit for each "
        "class: save the model without the layer that chooses one"
    )


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        (1, 1, None),
        (
            0,
            1,
            "does not say the size of its images; expected a model that begins with keras.Input",
        ),
        (
            2,
            1,
            "has 2 inputs and 1 output; edgebake imports image classifiers so far: expected one "
            "input, an image, and one output",
        ),
    ],
)
def test_one_input_and_one_output_are_expected(
    inputs: int, outputs: int, expected: str | None
) -> None:
    assert input_check.count_refusal(inputs, outputs) == expected


@pytest.mark.parametrize(
    ("shape", "can_reshape", "expected"),
    [
        ((None, 10), False, None),
        (("batch", None), True, None),
        ((1, 10, 1, 1), True, None),
        (
            (1, 10, 1, 1),
            False,
            "returns [1, 10, 1, 1], answers for each place of the image; edgebake imports image "
            "classifiers so far: expected [n, classes]",
        ),
        (
            ("n", 2, 24, 24),
            True,
            "returns [n, 2, 24, 24], answers for each place of the image; edgebake imports image "
            "classifiers so far: expected [n, classes]",
        ),
        (
            (1, 10, 10),
            False,
            "returns [1, 10, 10], numbers that are not a row for each image; edgebake imports "
            "image classifiers so far: expected [n, classes]",
        ),
    ],
)
def test_an_output_is_one_row_of_numbers(
    shape: tuple[int | str | None, ...], can_reshape: bool, expected: str | None
) -> None:
    assert input_check.output_refusal(shape, can_reshape) == expected


def test_an_autoencoder_is_no_classifier() -> None:
    problem = input_check.autoencoder_refusal((None, 64), (None, 64))
    assert problem == (
        "answers in the shape of its input: an autoencoder, no classifier; "
        "edgebake imports image classifiers so far: expected [n, classes]"
    )
    assert input_check.autoencoder_refusal((None, 32, 32, 1), (None, 32, 32, 1)) == problem
    assert input_check.autoencoder_refusal((None, 64), (None, 10)) is None
    assert input_check.autoencoder_refusal((None,), (None,)) is None

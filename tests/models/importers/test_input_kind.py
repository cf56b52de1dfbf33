"""Recognize sounds, signals, texts and spectra by the shape of a model's input."""

import pytest

from edgebake.models.importers import input_kind


@pytest.mark.parametrize(
    ("shape", "dtype", "kind"),
    [
        ((None, 128, 6), "float32", "windows of a signal: 128 steps of 6 numbers each"),
        ((1, None, 3), "float32", "windows of a signal: any number of steps of 3 numbers each"),
        ((None, 16_000), "float32", "16,000 samples of a sound"),
        ((None, 96), "int32", "whole numbers, such as token ids"),
        ((None,), "string", "values of the type string, such as text"),
        ((None, 49, 40), "float32", "49 spectra of 40 bands, such as MFCC of a sound"),
        (
            (None, 98, 13),
            "float32",
            "98 spectra of 13 bands, such as MFCC of a sound, or windows of a signal",
        ),
        ((None, 28, 28), "float32", None),
        ((None, 13), "float32", None),
        ((None, "steps", "channels"), "float32", None),
    ],
)
def test_kinds(shape: tuple[int | str | None, ...], dtype: str, kind: str | None) -> None:
    assert input_kind.of(shape, dtype) == kind


@pytest.mark.parametrize(
    ("shape", "reading"),
    [
        ((None, 49, 10, 1), "49 spectra of 10 bands, such as MFCC of a sound"),
        ((1, 98, 40, 1), "98 spectra of 40 bands, such as MFCC of a sound"),
        ((None, 64, 64, 1), None),  # a square is a picture
        ((None, 49, 10, 3), None),
        ((None, 480, 640, 1), None),
        ((None, None, 40, 1), None),
        ((1, 1, 98, 40), "98 spectra of 40 bands, such as MFCC of a sound"),
        ((None, 49, 10), "49 spectra of 10 bands, such as MFCC of a sound"),
        ((None, 128, 6), None),
        ((None, 40), None),
    ],
)
def test_spectra_have_the_shape_of_a_gray_picture(
    shape: tuple[int | None, ...], reading: str | None
) -> None:
    assert input_kind.spectrum(shape) == reading

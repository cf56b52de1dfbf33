"""Image files become the pixels that TensorFlow decodes; other files are refused."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgebake.data.readers.decode import LazyImages, decode, decode_file, in_color
from edgebake.errors import DataError
from edgebake.models import keras_session
from edgebake.recipe import Color
from tests.contracts import image_contract
from tests.images import DAMAGED, damaged_folder, noise

GREY, RGB = Color.grayscale, Color.rgb


def _file(pixels: NDArray[Any] | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    picture, written = (
        pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels),
        io.BytesIO(),
    )
    picture.save(written, kind, **options)
    return written.getvalue()


@pytest.fixture(scope="module")
def tensorflow() -> Any:
    keras_session.start(1)
    import tensorflow

    return tensorflow


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """Smooth colors, edges and some noise, as a camera sees them."""
    down, across = np.mgrid[0:97, 0:131]
    waves = [127 + 90 * np.sin(down / period) * np.cos(across / 17) for period in (9, 23, 31)]
    edges = 60 * ((down // 20 + across // 30) % 2)[..., None]
    grain = np.random.default_rng(0).normal(0, 4, (97, 131, 3))
    pixels: NDArray[np.uint8] = np.clip(np.stack(waves, axis=-1) + edges + grain, 0, 255).astype(
        np.uint8
    )
    return pixels


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_files_without_loss_are_decoded_as_tensorflow_does(
    kind: str, photo: NDArray[np.uint8], tensorflow: Any
) -> None:
    content = _file(photo, kind)
    np.testing.assert_array_equal(
        decode(content, RGB, "x"), getattr(tensorflow.io, f"decode_{kind.lower()}")(content)
    )
    np.testing.assert_array_equal(decode(content, RGB, "x"), photo)


def test_grey_palette_and_transparent_files_are_decoded_as_tensorflow_does(
    photo: NDArray[np.uint8], tensorflow: Any
) -> None:
    picture = Image.fromarray(photo)
    alpha = Image.fromarray(noise(97, 131))
    see_through = picture.copy()
    see_through.putalpha(alpha)
    palette = _file(picture.quantize(32), transparency=b"\0" * 32)
    for content in (
        _file(see_through),
        palette,
        _file(picture.convert("L")),
        _file(picture.convert("1")),
    ):
        np.testing.assert_array_equal(
            decode(content, RGB, "x"), tensorflow.io.decode_png(content, channels=3)
        )
    grey = picture.convert("L")
    for content in (_file(grey), _file(Image.merge("LA", (grey, alpha)))):
        np.testing.assert_array_equal(
            decode(content, GREY, "x"), tensorflow.io.decode_png(content, channels=1)[..., 0]
        )


@pytest.mark.parametrize(
    "options", [{"subsampling": 0}, {"subsampling": 2}, {"progressive": True, "quality": 60}]
)
def test_jpeg_is_decoded_as_tensorflow_does(
    options: dict[str, int], photo: NDArray[np.uint8], tensorflow: Any
) -> None:
    content = _file(photo, "JPEG", **options)
    expected = tensorflow.io.decode_jpeg(content, dct_method="INTEGER_ACCURATE")
    np.testing.assert_array_equal(decode(content, RGB, "x"), expected)


# Pillow's two passes round to whole levels, and clip bicubic values to 0 to 255 in between.
@pytest.mark.parametrize(("method", "levels"), [("bilinear", 1), ("bicubic", 2)])
@pytest.mark.parametrize("size", [(32, 32), (64, 48), (224, 224), (200, 50)])
def test_images_are_resized_as_tensorflow_does(
    method: str, levels: int, size: tuple[int, int], photo: NDArray[np.uint8], tensorflow: Any
) -> None:
    height, width = size
    contract = image_contract(
        "classification", height, width, "rgb", "none", method, [0.0], [1.0], ["a", "b"]
    )
    expected = np.clip(
        np.rint(tensorflow.image.resize(photo, size, method, antialias=True)), 0, 255
    )
    assert np.abs(contract.image.resize_images([photo])[0] - expected).max() <= levels


def test_of_16_bits_the_upper_8_are_kept() -> None:
    # 65535 / 257 = 255; 257 / 257 = 1; 300 / 257 = 1.17; 32896 / 257 = 128
    content = _file(np.array([[0, 257, 300], [32896, 65535, 255]], np.uint16))
    assert decode(content, GREY, "x").tolist() == [[0, 1, 1], [128, 255, 1]]
    assert decode(content, RGB, "x")[1, 1].tolist() == [255, 255, 255]


def test_16_bits_are_those_of_tensorflow_to_a_level(tensorflow: Any) -> None:
    pixels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = tensorflow.io.decode_png(_file(pixels), channels=1)[..., 0].numpy().astype(int)
    assert np.abs(decode(_file(pixels), GREY, "x").astype(int) - expected).max() <= 1


def test_one_bit_is_black_and_white() -> None:
    assert decode(_file(np.array([[True, False]])), GREY, "x").tolist() == [[255, 0]]


def test_cmyk_becomes_rgb() -> None:
    # Nothing of cyan, all of magenta and yellow: red.
    content = _file(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)
    red, green, blue = decode(content, RGB, "x")[4, 4].tolist()
    assert red > 250
    assert max(green, blue) < 5


def test_webp_without_loss_keeps_its_pixels() -> None:
    pixels = noise(9, 7, 3)
    np.testing.assert_array_equal(decode(_file(pixels, "WEBP", lossless=True), RGB, "x"), pixels)


def test_a_picture_is_turned_as_the_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is on the right: turn it a quarter clockwise
    content = _file(np.array([[10, 20, 30]], np.uint8), exif=exif)
    assert decode(content, GREY, "x").tolist() == [[10], [20], [30]]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_picture_is_taken(kind: str) -> None:
    first, second = (Image.new("RGB", (4, 4), level) for level in ("red", "blue"))
    content = _file(
        first,
        kind,
        save_all=True,
        append_images=[second],
        **({"lossless": True} if kind == "WEBP" else {}),
    )
    assert decode(content, RGB, "x")[0, 0].tolist() == [255, 0, 0]


def test_every_kind_of_damage_is_named_with_the_file(tmp_path: Path) -> None:
    damaged_folder(tmp_path / "damaged")
    assert sorted(file.name for file in (tmp_path / "damaged").iterdir()) == sorted(DAMAGED)
    for name, why in DAMAGED.items():
        file = tmp_path / "damaged" / name
        with pytest.raises(DataError) as refused:
            decode_file(file, RGB)
        text = str(refused.value)
        assert text.startswith(f"{file}: not an image that can be read ("), name
        assert why in text, name
        assert text.endswith("); repair or remove it, or set `on_corrupt: skip`"), name
        assert "0x" not in text, name  # an address in memory


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP"])
def test_a_file_cut_anywhere_is_refused_or_whole(kind: str) -> None:
    pixels = noise(24, 24, 3)
    content = _file(pixels, kind)
    whole = decode(content, RGB, "x")
    for length in range(0, len(content), 7):
        try:
            np.testing.assert_array_equal(decode(content[:length], RGB, "x"), whole)
        except DataError:
            continue


def test_a_file_with_a_wrong_byte_never_shows_a_traceback() -> None:
    generator = np.random.default_rng(0)
    for content in (_file(noise(16, 16, 3), kind) for kind in ("JPEG", "PNG", "BMP", "WEBP")):
        for position in generator.integers(0, len(content), 200):
            damaged = bytearray(content)
            damaged[position] ^= int(generator.integers(1, 256))
            try:
                assert decode(bytes(damaged), RGB, "x").dtype == np.uint8
            except DataError:
                continue


def test_a_file_that_nobody_may_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(_file(noise(2, 2)))

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(
        DataError, match=r"a\.png: not an image that can be read \(Permission denied\)"
    ):
        decode_file(tmp_path / "a.png", RGB)


def test_arrays_change_their_color_as_files_do() -> None:
    red = np.array([[[255, 0, 0]]], np.uint8)
    assert in_color(red, GREY).tolist() == [[76]]  # ITU-R 601-2: 0.299 * 255 = 76.2
    assert in_color(np.array([[[7]]], np.uint8), GREY).tolist() == [[7]]
    assert in_color(np.array([[7]], np.uint8), RGB).tolist() == [[[7, 7, 7]]]


def test_images_are_read_when_they_are_asked_for_and_each_time() -> None:
    read: list[int] = []

    def one(number: int) -> NDArray[np.uint8]:
        read.append(number)
        return np.full((1, 1), number, np.uint8)

    images = LazyImages(4, one)
    assert (len(images), read) == (4, [])
    assert [int(image[0, 0]) for image in images[1:3]] == [1, 2]
    assert int(images[-1][0, 0]) == 3
    assert read == [1, 2, 3]
    with pytest.raises(IndexError):
        images[4]

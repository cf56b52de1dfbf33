"""A path in, the words of `data` that say how it is read out: told from what lies there."""

from dataclasses import replace
from pathlib import Path

from edgebake import plugins
from edgebake.data.readers import arrays, records
from edgebake.data.sources import keras, tfrecord
from edgebake.data.splits import DRAWN
from edgebake.errors import DataError, EdgebakeError, listed, nearest
from edgebake.recipe import (
    Color,
    Crop,
    Data,
    Encoding,
    Features,
    OnCorrupt,
    Resize,
    SplitBy,
    Splits,
    files,
)

SHARES = {"train": 0.6, "calibration": 0.1, "validation": 0.1, "test": 0.2}
IMAGES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"RIFF")  # how JPEG, PNG, BMP and WebP begin
EXPECTED = "a folder with one of images for every class, .npz, .npy, .tfrecord or .py"


def told(path: str, mean: list[float], scale: list[float]) -> Data:
    """Return the words of a data recipe; pixels become (pixel - mean) * scale.

    Raises:
        DataError: there is nothing, or nothing that can be read.
    """
    name = path if path in keras.CLASSES else None
    data = Data(
        source="keras" if name else _source(Path(path)),
        path=f"data/keras/{path}.npz" if name else path,
        color=Color.grayscale if name in ("mnist", "fashion_mnist") else Color.rgb,
        crop=Crop.none,
        resize=Resize.bilinear,
        mean=mean,
        scale=scale,
        seed=0,
        on_corrupt=OnCorrupt.stop,
        name=name,
    )
    if data.source == "npz" and len(arrays.pairs(Path(path))[0].images.shape) == 3:
        data = replace(data, color=Color.grayscale)
    return replace(data, features=_features(Path(path))) if data.source == "tfrecord" else data


def with_splits(data: Data) -> Data:
    """Return the data with their own splits where they have some, and with shares for all others.

    Raises:
        DataError: they cannot be read either way.
    """
    by_source, by_seed = (
        replace(data, splits=Splits(SplitBy.source)),
        replace(data, splits=Splits(SplitBy.seed, **SHARES)),
    )
    module = plugins.load("data.source", data.source)
    try:
        said = module.count(by_source)
    except EdgebakeError as error:
        try:
            module.count(by_seed)
        except EdgebakeError as other:
            # They have splits, and something else is wrong with them.
            raise (error if "by: source" in str(other) else other) from None
        return by_seed
    return replace(
        data,
        splits=Splits(
            SplitBy.source, **{name: SHARES[name] for name in DRAWN if not said.get(name)}
        ),
    )


def _source(path: Path) -> str:
    """Return the module that reads what lies at a path."""
    if not path.exists():
        raise DataError(f"{path}: {_absent(path)}")
    if path.suffix == ".py" or (path / "examples.py").is_file():
        return "python"
    inside = [file.name for file in path.iterdir()] if path.is_dir() else [path.name]
    if any(name.endswith((".npy", ".npz")) for name in inside):
        return "npz"
    if any(tfrecord.NAME.fullmatch(name) for name in inside):
        return "tfrecord"
    if path.is_dir():
        return "image_folder"
    raise DataError(f"{path}: no data that can be read; expected {EXPECTED}")


def _absent(path: Path) -> str:
    note = path.with_name(f"{path.name}.dvc")
    if note.exists():
        return f"not here, and {note.name} is; run `dvc pull {path}` first"
    if "/" not in str(path) and not path.suffix:
        sets = f"a set of Keras ({listed(keras.CLASSES)})"
        options = f"an option of recipes/data{nearest(str(path), _words())}"
        return f"no such folder; expected {EXPECTED}, {sets}, or {options}"
    return f"no such file or folder; expected {EXPECTED}"


def _words() -> list[str]:
    return [*keras.CLASSES, *files.options("data")]


def _features(path: Path) -> Features:
    """Return which features of the first record are its image and its label."""
    file = (
        path
        if path.is_file()
        else min(one for one in path.iterdir() if tfrecord.NAME.fullmatch(one.name))
    )
    first = next(iter(records.index(file)), None)
    if first is None:
        raise DataError(f"{file}: no records; expected one for every image")
    held = records.features(first)
    images = [key for key, value in held.items() if _is_image(value)]
    labels = [key for key, value in held.items() if key.endswith("label") and len(value) == 1]
    names = [key for key, value in held.items() if key.endswith("text") and len(value) == 1]
    if len(images) != 1 or len(labels) != 1:
        mend = f"copy {files.shown_option('data', 'tfrecord')}, name them there, and give --data that option"
        raise DataError(
            f"{file}: which features are image and label cannot be told of: {listed(held)}; {mend}"
        )
    return Features(
        images[0], labels[0], Encoding.encoded, None, names[0] if len(names) == 1 else None
    )


def _is_image(value: list[object]) -> bool:
    return len(value) == 1 and isinstance(value[0], bytes) and value[0].startswith(IMAGES)

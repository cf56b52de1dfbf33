"""Detect how a dataset is read: the options of a data recipe for a path."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgebake import plugins
from edgebake.data.readers import arrays, record_files, records
from edgebake.data.readers.decode import max_bytes
from edgebake.data.readers.folder import IMAGES
from edgebake.data.sources import keras
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
IMAGE_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"RIFF")  # JPEG, PNG, BMP, WebP
EXPECTED = "a folder with one sub-folder of images per class, .npz, .npy, .tfrecord or .py"


def detect(path: str, mean: list[float], scale: list[float]) -> Data:
    """Return the options of the dataset at a path, or of the dataset of Keras with this name.

    `mean` and `scale` are in pixel values, 0 to 255: the model's input is (pixel - mean) * scale.

    Raises:
        DataError: nothing is there, or nothing that a data source reads.
    """
    data = Data(
        source="keras",
        path=f"data/keras/{path}.npz",
        color=Color.rgb,
        crop=Crop.none,
        resize=Resize.bilinear,
        mean=mean,
        scale=scale,
        seed=0,
        on_corrupt=OnCorrupt.stop,
    )
    if path in keras.CLASSES:
        color = Color.grayscale if path in ("mnist", "fashion_mnist") else Color.rgb
        return replace(data, name=path, color=color)
    data = replace(data, source=_detect_source(Path(path)), path=path)
    if data.source == "npz" and len(arrays.find_pairs(Path(path))[0].images.shape) == 3:
        return replace(data, color=Color.grayscale)
    if data.source == "tfrecord":
        return replace(data, features=_detect_features(Path(path)))
    return data


def with_splits(data: Data) -> Data:
    """Return the options with the dataset's own splits, and shares for the splits it lacks.

    Raises:
        DataError: the dataset can be read neither with its own splits nor without.
    """
    by_source = replace(data, splits=Splits(SplitBy.source))
    by_seed = replace(data, splits=_splits(SplitBy.seed, SHARES))
    source = plugins.load("data.source", data.source)
    try:
        counts = source.count(by_source)
    except EdgebakeError as source_error:
        try:
            source.count(by_seed)
        except EdgebakeError as seed_error:
            # The dataset has splits of its own, and another error.
            if "by: source" in str(seed_error):
                raise source_error from None
            raise
        return by_seed
    shares = {split: SHARES[split] for split in DRAWN if not counts.get(split)}
    return replace(data, splits=_splits(SplitBy.source, shares))


def _splits(by: SplitBy, shares: Mapping[str, float]) -> Splits:
    """Return the rule of splits with the shares of those that have one."""
    return Splits(
        by=by,
        train=shares.get("train"),
        calibration=shares.get("calibration"),
        validation=shares.get("validation"),
        test=shares.get("test"),
    )


def _detect_source(path: Path) -> str:
    """Return the data source that reads a path."""
    if not path.exists():
        raise DataError(f"{path}: {_explain_absence(path)}")
    if path.suffix == ".py" or (path / "examples.py").is_file():
        return "python"
    names = [path.name]
    if path.is_dir():
        if _has_folders_of_images(path):
            return "image_folder"  # which names files of other kinds that lie beside
        names = [file.name for file in path.iterdir()]
    if any(name.endswith((".npy", ".npz")) for name in names):
        return "npz"
    if any(record_files.FILE_NAME.fullmatch(name) for name in names):
        return "tfrecord"
    if path.is_dir():
        return "image_folder"
    raise DataError(f"{path}: not a known kind of data; expected {EXPECTED}")


def _has_folders_of_images(path: Path) -> bool:
    for folder in path.iterdir():
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        if any(file.suffix.lower() in IMAGES.suffixes for file in folder.iterdir()):
            return True
    return False


def _explain_absence(path: Path) -> str:
    note = path.with_name(f"{path.name}.dvc")
    if note.exists():
        return f"not found, but {note.name} exists; run `dvc pull {path}` first"
    if "/" in str(path) or path.suffix:
        return f"no such file or folder; expected {EXPECTED}"
    known_names = [*keras.CLASSES, *files.options("data")]
    return (
        f"no such folder; expected {EXPECTED}, a dataset of Keras ({listed(keras.CLASSES)}), "
        f"or an option of recipes/data{nearest(str(path), known_names)}"
    )


def _detect_features(path: Path) -> Features:
    """Return the features of the first record that hold image, label and class name."""
    file = path
    if path.is_dir():
        file = min(
            entry for entry in path.iterdir() if record_files.FILE_NAME.fullmatch(entry.name)
        )
    record = next(iter(records.index_file(file, max_bytes(Data.max_megapixels))), None)
    if record is None:
        raise DataError(f"{file}: no records; expected one for every image")
    features = records.read_features(record)
    images = [key for key, values in features.items() if _is_encoded_image(values)]
    single = [key for key, values in features.items() if len(values) == 1]
    labels = [key for key in single if key.endswith("label")]
    names = [key for key in single if key.endswith("text")]
    if len(images) != 1 or len(labels) != 1:
        raise DataError(
            f"{file}: which features are image and label cannot be detected from: "
            f"{listed(features)}; copy {files.shown_option('data', 'tfrecord')}, name them there, "
            "and give --data that option"
        )
    return Features(
        image=images[0],
        label=labels[0],
        encoding=Encoding.encoded,
        shape=None,
        names=names[0] if len(names) == 1 else None,
    )


def _is_encoded_image(values: Sequence[object]) -> bool:
    if len(values) != 1 or not isinstance(values[0], bytes):
        return False
    return values[0].startswith(IMAGE_SIGNATURES)

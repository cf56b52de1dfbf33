"""Combine answers, model file and dataset to the options of recipes/data/<name>.yaml."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from edgebake import plugins
from edgebake.cli.init import data as dataset
from edgebake.cli.init.answers import Answers
from edgebake.cli.init.imported_model import refuse_outside
from edgebake.errors import DataError, listed
from edgebake.models.inspection.model_info import ModelInfo
from edgebake.recipe import Color, Crop, Data, Resize
from edgebake.recipe.files import RECIPES

DEFAULT_MEAN, DEFAULT_SCALE = [127.5], [1 / 127.5]  # of the options of recipes/data/


def data_options(answers: Answers, info: ModelInfo | None) -> Data:
    """Return the options of recipes/data/<name>.yaml.

    Args:
        answers: with a path of data.
        info: of an imported model; None: an architecture that edgebake builds.
    """
    mean = answers.mean or DEFAULT_MEAN
    scale = answers.scale or DEFAULT_SCALE
    if info and info.pixel_scaling and not answers.mean:
        mean, scale = list(info.pixel_scaling.mean), list(info.pixel_scaling.scale)
    path = str(answers.data).rstrip("/")
    refuse_outside("--data", path)
    data = replace(dataset.detect(path, mean, scale), labels=answers.labels)
    data = replace(data, **resize_options(answers, info))
    if answers.color:
        data = replace(data, color=Color(answers.color))
    elif info and info.image[2] is not None:
        data = replace(data, color=Color.grayscale if info.image[2] == 1 else Color.rgb)
    data = dataset.with_splits(data)
    if info and answers.head != "new":
        return _with_class_order(data, info, answers)
    return data


def _class_advice(info: ModelInfo, classes: int) -> str:
    """Return what can be done about a model of another number of classes than the data have."""
    ways = []
    if info.classes is not None and info.classes > classes:
        ways.append(f"--labels with a file of {info.classes} lines")
    if info.has_layers:
        ways.append("`--head new --train fine_tune` to train it for yours")
    if not ways:
        return f": data of {info.classes} classes"
    return f": {', or '.join(ways)}"


def _with_class_order(data: Data, info: ModelInfo, answers: Answers) -> Data:
    """Return the data with their classes in the order of the model's outputs, if its file has it.

    The labels file that is named then is still to be written.
    """
    classes: list[str] = plugins.load("data.source", data.source).load(data).classes
    if info.classes is not None and len(classes) != info.classes:
        raise DataError(
            f"{data.title}: has {len(classes)} classes, and {answers.model} predicts "
            f"{info.classes}; expected the same number{_class_advice(info, len(classes))}"
        )
    if not info.labels or answers.labels or classes == list(info.labels):
        return data
    if sorted(classes) != sorted(info.labels):
        of_model = listed(set(info.labels) - set(classes))
        of_data = listed(set(classes) - set(info.labels))
        raise DataError(
            f"{data.title}: {answers.model} predicts the classes {of_model}, and the data have "
            f"{of_data}; expected the same names, or --labels with a file of your names in the "
            "order of the model's outputs"
        )
    return replace(data, labels=str(labels_file(answers.name)))


def resize_options(answers: Answers, info: ModelInfo | None) -> dict[str, Any]:
    """Return how images are resized: by the answers, the model's file, or else the defaults."""
    resize = info.resize if info else None
    options: dict[str, Any] = {}
    if resize is not None and not _has_resize_answers(answers):
        options = {
            "resize": Resize(resize.filter_name),
            "antialias": resize.antialias,
            "crop": Crop.center if resize.is_cropped else Crop.none,
        }
    if answers.resize is not None:
        options["resize"] = Resize(answers.resize)
    if answers.antialias is not None:
        options["antialias"] = answers.antialias
    if answers.short_side is not None:
        options["short_side"] = answers.short_side
        options["crop"] = Crop.center
    if answers.crop is not None:
        options["crop"] = Crop(answers.crop)
    return options


def _has_resize_answers(answers: Answers) -> bool:
    values = (answers.resize, answers.antialias, answers.short_side, answers.crop)
    return any(value is not None for value in values)


def labels_file(name: str) -> Path:
    """Return the path of the classes in the order of the model's outputs."""
    return RECIPES / "data" / f"{name}.labels.txt"

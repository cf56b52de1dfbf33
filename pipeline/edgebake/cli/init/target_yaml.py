"""YAML of a data recipe and of a target recipe, in the form of those in recipes/."""

from collections.abc import Mapping
from enum import Enum

from edgebake.cli.init.recipe_yaml import attribution_lines, pixel_scaling_lines, quote, shell_word
from edgebake.recipe import Attribution, Data, Features, Splits
from edgebake.report.model_file import yaml_numbers
from edgebake.terminal.printable import printable

SOURCE_TITLES = {
    "image_folder": "A folder of images",
    "npz": "NumPy arrays",
    "tfrecord": "TFRecord files",
    "python": "Examples of your own function",
    "keras": "A dataset that Keras can download",
}


def data_recipe(data: Data, attribution: Attribution) -> str:
    """Return the text of recipes/data/<name>.yaml."""
    title = f"{SOURCE_TITLES[data.source]}: {printable(data.path)}."
    path = shell_word(str(data.path))
    lines = [f"# {title} Track it with `dvc add {path}`.", f"source: {data.source}"]
    if data.name:
        lines[0] = f"# {title} Downloaded if the file is missing."
        lines.append(f"name: {data.name}")
    lines.append(f"path: {quote(data.location.as_posix())}")
    if data.features:
        lines += _feature_lines(data.features)
    lines += [
        "origin: # of your images; `package` checks the license with the policy in "
        "recipes/release.yaml",
        *attribution_lines(attribution),
        f"color: {_name(data.color)} # grayscale or rgb; or bgr, for a model that expects "
        "blue first",
        f"crop: {_name(data.crop)} # none, or center: the largest central part with the aspect "
        "ratio of the model's input",
        f"resize: {_name(data.resize)} # filter for resizing to the model's resolution",
        f"antialias: {_value(data.antialias)} # true: as Pillow and torchvision; false: as the "
        "default of TensorFlow and Keras",
        f"short_side: {data.short_side or 'null'} # or 256, with crop: center, as torchvision's "
        "Resize(256) and CenterCrop of the resolution",
        *pixel_scaling_lines(data.mean or [], data.scale or []),
        "seed: 0",
        f"splits: {_splits(data.splits)}",
        f"labels: {quote(data.labels) if data.labels else 'null'} # a text file, one class a "
        "line, in the order of the model's outputs",
        "on_corrupt: stop # or skip: an image that cannot be read is left out and reported",
    ]
    return "".join(f"{line}\n" for line in lines)


def _name(value: Enum | None) -> str:
    """Return the YAML of a value that every recipe of images has."""
    return "null" if value is None else value.name


def target_recipe(choices: Mapping[str, str], overrides: Mapping[str, Mapping[str, object]]) -> str:
    """Return the text of recipes/target/<name>.yaml.

    `choices` is the option of each group; `overrides` has, by group, the values that differ.
    """
    lines = ["# @package _global_", "defaults:"]
    lines += [f"  - override /{group}: {option}" for group, option in choices.items()]
    for group, values in overrides.items():
        lines += ["", f"{group}:"]
        lines += [f"  {key}: {_value(value)}" for key, value in values.items()]
    return "".join(f"{line}\n" for line in lines)


def _feature_lines(features: Features) -> list[str]:
    names = quote(features.names) if features.names else "null"
    return [
        "features: # keys of each tf.train.Example message",
        f"  image: {quote(features.image)}",
        f"  label: {quote(features.label)}",
        f"  encoding: {features.encoding.value}",
        "  shape: null # of raw pixels",
        f"  names: {names} # the key of the class name",
    ]


def _splits(splits: Splits) -> str:
    values = [f"by: {splits.by.value}"]
    for split in ("train", "calibration", "validation", "test"):
        share = getattr(splits, split)
        if share is not None:
            values.append(f"{split}: {share:g}")
    return f"{{ {', '.join(values)} }}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        items = [f"{key}: {_value(item)}" for key, item in value.items()]
        return f"{{ {', '.join(items)} }}"
    if isinstance(value, list):
        return yaml_numbers(value)
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)

"""The words of recipes in, the files of recipes/ out, in the form of those that are there."""

from collections.abc import Mapping
from typing import Any

from edgebake.cli.init.recipe_yaml import Origin, origin, pixels, text
from edgebake.recipe import Data, Features, Splits
from edgebake.report.model_file import yaml_numbers

TRACKED = "Track it with `dvc add {}`."
FETCHED = "Keras fetches it when it is not there."
KINDS = {
    "image_folder": "A folder of images",
    "npz": "Arrays that NumPy saved",
    "tfrecord": "TFRecord files",
    "python": "Examples that a function of yours returns",
    "keras": "A set of Keras",
}


def data(words: Data, made: Origin) -> str:
    """Return recipes/data/<name>.yaml."""
    where = FETCHED if words.name else TRACKED.format(words.path)
    labels = text(words.labels) if words.labels else "null"
    return "\n".join(
        [
            f"# {KINDS[words.source]}: {words.path}. {where}",
            f"source: {words.source}",
            *([f"name: {words.name}"] if words.name else []),
            f"path: {text(words.location.as_posix())}",
            *(_features(words.features) if words.features else []),
            "origin: # of your images; `package` holds the license against those that recipes/release.yaml allows",
            *origin(made),
            f"color: {words.color.value} # grayscale, rgb, or bgr, for a model that sees blue first",
            "crop: none # or center: the largest part in the middle that has the model's shape",
            "resize: bilinear # from the image's own size to the model's resolution",
            *pixels(words.mean, words.scale),
            "seed: 0",
            f"splits: {_splits(words.splits)}",
            f"labels: {labels} # a text file, one class a line, in the order of the answers",
            "on_corrupt: stop # or skip: an image that cannot be read is left out, counted and named",
            "",
        ]
    )


def target(choices: Mapping[str, str], below: Mapping[str, Mapping[str, Any]]) -> str:
    """Return recipes/target/<name>.yaml: the option of each group, and values below them."""
    values = []
    for group, words in below.items():
        values += [
            "",
            f"{group}:",
            *(f"  {word}: {_value(value)}" for word, value in words.items()),
        ]
    overrides = [f"  - override /{group}: {option}" for group, option in choices.items()]
    return "\n".join(["# @package _global_", "defaults:", *overrides, *values, ""])


def _features(words: Features) -> list[str]:
    return [
        "features: # of each tf.train.Example",
        f"  image: {text(words.image)}",
        f"  label: {text(words.label)}",
        f"  encoding: {words.encoding.value}",
        "  shape: null # of raw pixels",
        f"  names: {text(words.names) if words.names else 'null'} # the feature that holds the class's name",
    ]


def _splits(words: Splits) -> str:
    shares = {
        name: share for name, share in vars(words).items() if name != "by" and share is not None
    }
    shown = "".join(f", {name}: {share:g}" for name, share in shares.items())
    return f"{{ by: {words.by.value}{shown} }}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{word}: {_value(one)}' for word, one in value.items())} }}"
    return (
        yaml_numbers(value)
        if isinstance(value, list)
        else text(value)
        if isinstance(value, str)
        else str(value)
    )

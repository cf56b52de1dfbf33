"""Recipes of sounds, signals and texts: the option of their data source, with the user's file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgebake import plugins
from edgebake.cli.init import options
from edgebake.cli.init.answers import Answers
from edgebake.cli.init.recipe_yaml import attribution_lines, quote, shell_word
from edgebake.data.readers import columns as table_columns
from edgebake.data.readers.columns import Limits
from edgebake.data.readers.folder import IMAGES
from edgebake.documents import strict_yaml
from edgebake.errors import DataError, RecipeError, listed
from edgebake.recipe import Attribution, Data, files
from edgebake.recipe.typed_values import from_plain
from edgebake.report.model_file import yaml_numbers

SOUNDS = (".wav", ".flac")
OTHER_SOUNDS = (".aac", ".aiff", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wma")
TABLES = (".csv", ".parquet")
# Names of columns, the most usual first.
LABELS = ("label", "class", "language", "gesture", "activity", "word", "target")
TEXTS = ("text", "sentence", "message", "content")
WINDOWS = ("window", "window_id", "segment")
GROUPS = ("person", "subject", "user", "speaker", "machine", "author")
SPLITS = ("split",)
IMAGE_ANSWERS = ("color", "crop", "resize", "antialias", "short_side", "mean", "scale")
LIMITS = Limits(20_000_000, Data.max_gigabytes)


@dataclass(frozen=True)
class OtherData:
    """The text of a data recipe, without its attribution, and its options."""

    text: str
    data: Data


def detect(path: str) -> str | None:
    """Return the data source of sounds, signals or texts at a path; None if there are none.

    Raises:
        DataError: it is a table whose columns do not tell what it holds, or a folder of sounds
            that no folder of a class holds.
    """
    location = Path(path)
    if location.is_dir():
        if _has_folders_of_sounds(location):
            return "sound_folder"
        _refuse_other_sounds(location)
        return None
    if location.suffix.lower() not in TABLES or not location.is_file():
        return None
    names = table_columns.names(location, LIMITS)
    if _first(TEXTS, names) and _first(LABELS, names):
        return "text_table"
    if _first(WINDOWS, names) and _first(LABELS, names):
        return "window_table"
    raise DataError(
        f"{path}: has the columns {listed(names)}; expected {TEXTS[0]} and {LABELS[0]}, or "
        f"{WINDOWS[0]} and {LABELS[0]}; with other names, copy "
        f"{files.shown_option('data', 'text_table')} or "
        f"{files.shown_option('data', 'window_table')}, name them there, and give --data that "
        "option"
    )


def read(source: str, answers: Answers) -> OtherData:
    """Return the recipe of data at the path that was answered.

    Raises:
        RecipeError: an answer is for images, or one about a signal is missing.
        DataError: the data cannot be read.
    """
    path = str(answers.data)
    for name in IMAGE_ANSWERS:
        if getattr(answers, name) is not None:
            flag = name.replace("_", "-")
            raise RecipeError(f"--{flag}: for images; {path} holds none")
    text = files.find(f"data/{source}").read_text()
    template = strict_yaml.parse(text.encode(), strict_yaml.MAX_BYTES)
    of_template = template["path"]
    own = shell_word(path)
    text = text.replace(f"`dvc add {of_template}`", f"`dvc add {own}`")
    values = {"path": quote(Path(path).as_posix())}
    if source == "text_table":
        values |= _text_columns(Path(path))
    if source == "window_table":
        values |= _window_columns(Path(path), answers)
    for key, value in values.items():
        text = with_value(text, key, value)
    options_of_data = strict_yaml.parse(text.encode(), strict_yaml.MAX_BYTES)
    del options_of_data["origin"]  # still to be filled in
    data: Data = from_plain(Data, options_of_data)
    plugins.load("data.source", source).count(data)
    return OtherData(text, data)


def with_attribution(text: str, attribution: Attribution) -> str:
    """Return the text of a recipe with its origin."""
    for line in attribution_lines(attribution):
        key, _, value = line.partition(": ")
        text = with_value(text, key, value)
    return text


def with_value(text: str, key: str, value: str) -> str:
    """Return the text of a recipe with another value at the first place of a key.

    The comment of the line stays, unless the value has one.

    Args:
        text: YAML.
        key: behind any number of spaces, or behind those that it begins with.
        value: in YAML.
    """
    spaces = "" if key.startswith(" ") else " *"
    line = re.compile(rf"^({spaces}{re.escape(key)}: )[^#\n]*?( +#.*)?$", re.MULTILINE)
    match = line.search(text)
    if match is None:
        raise ValueError(f"no {key}")
    start, comment = match.groups(default="")
    if " #" in value:
        comment = ""
    return f"{text[: match.start()]}{start}{value}{comment}{text[match.end() :]}"


def model_for(kind: str, known: Sequence[str]) -> str:
    """Return the first option of recipes/model/ whose network takes a kind of input.

    Raises:
        RecipeError: there is none.
    """
    for option in known:
        architecture = options.read_option("model", option)["architecture"]
        network = plugins.load("model.architecture", architecture)
        kinds = getattr(network, "KINDS", ("image",))
        if kind in kinds:
            return option
    raise RecipeError(f"recipes/model/: no option takes {kind}; expected one: add an architecture")


def _text_columns(file: Path) -> dict[str, str]:
    names = table_columns.names(file, LIMITS)
    text = _first(TEXTS, names)
    label = _first(LABELS, names)
    values = _quoted({"text": text, "label": label})
    values |= _group_values(names)
    return values


def _window_columns(file: Path, answers: Answers) -> dict[str, str]:
    """Return the values of a table of windows; the scaling is that of its channels.

    Raises:
        RecipeError: rate or units of the channels were not answered.
    """
    names = table_columns.names(file, LIMITS)
    window = _first(WINDOWS, names)
    label = _first(LABELS, names)
    others = {window, label, *GROUPS, *SPLITS}
    channels = [name for name in names if name not in others]
    if answers.rate is None:
        raise RecipeError("--rate: missing; expected the rows of the table in a second")
    units = _units_of(channels, answers)
    window_column = str(window)
    try:
        table = table_columns.read(file, channels, [window_column], LIMITS)
    except DataError as error:
        raise DataError(
            f"{error}; for a column that is no channel, copy "
            f"{files.shown_option('data', 'window_table')}, name the channels there, and give "
            "--data that option"
        ) from None
    columns = [table.numbers[name] for name in channels]
    numbers = np.stack(columns, axis=1)
    window_of_rows = table.texts[window_column]
    first_window = window_of_rows[0]
    samples = window_of_rows.count(first_window)
    quoted_channels = [quote(name) for name in channels]
    quoted_units = [quote(unit) for unit in units]
    means = numbers.mean(axis=0)
    deviations = numbers.std(axis=0)
    scales = 1 / np.maximum(deviations, 1e-6)
    return {
        **_quoted({"window": window, "label": label}),
        **_group_values(names),
        "rate_hz": f"{answers.rate:g}",
        "channels": f"[{', '.join(quoted_channels)}]",
        "units": f"[{', '.join(quoted_units)}]",
        "samples": str(samples),
        "hop": str(max(1, samples // 2)),
        "mean": f"{_short_numbers(means)} # of each channel in the table",
        "scale": _short_numbers(scales),
    }


def _units_of(channels: Sequence[str], answers: Answers) -> list[str]:
    """Return the unit of each channel.

    Raises:
        RecipeError: there are more or fewer units than channels.
    """
    units = answers.units or []
    if len(units) != len(channels):
        raise RecipeError(
            f"--units: {listed(units) or 'missing'}; expected a unit for each channel, in the "
            f"order {listed(channels)}"
        )
    return units


def _short_numbers(numbers: Iterable[float]) -> str:
    """Return numbers with four digits as a YAML list."""
    rounded = []
    for number in numbers:
        text = f"{number:.4g}"
        rounded.append(float(text))
    return yaml_numbers(rounded)


def _group_values(names: Sequence[str]) -> dict[str, str]:
    """Return the columns and splits of a table: by group if a column names one."""
    shares = "train: 0.6, calibration: 0.1, validation: 0.1, test: 0.2"
    group = _first(GROUPS, names)
    if group is None:
        values = {"columns": "[]", "splits": f"{{ by: seed, {shares} }}"}
    else:
        by_group = f"{{ by: group, column: {quote(group)}, {shares} }}"
        values = {"columns": f"[{quote(group)}]", "splits": by_group}
    split = _first(SPLITS, names)
    if split is not None:
        values |= {"split": quote(split), "splits": "{ by: source }"}
    return values


def _quoted(values: Mapping[str, str | None]) -> dict[str, str]:
    quoted = {}
    for key, value in values.items():
        text = str(value)
        quoted[key] = quote(text)
    return quoted


def _first(candidates: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the first candidate that is among the names of columns."""
    for candidate in candidates:
        if candidate in names:
            return candidate
    return None


def _has_folders_of_sounds(path: Path) -> bool:
    for entry in path.iterdir():
        is_hidden = entry.name.startswith(".")
        if is_hidden or not entry.is_dir():
            continue
        if _has_sounds(entry):
            return True
    return False


def _refuse_other_sounds(path: Path) -> None:
    """Refuse sounds that lie in no folder of a class, or in a format that is not read.

    Raises:
        DataError: it has such files.
    """
    without_class = sorted(path.glob("*"))
    content = sorted(path.glob("*/*"))
    content += without_class
    if any(IMAGES.is_name(file.name) for file in content):
        return  # a folder of images, whose data source names what else is in it
    for file in content:
        suffix = file.suffix.lower()
        if suffix in SOUNDS and file in without_class:
            raise DataError(
                f"{file}: in no folder of a class; expected {path / 'CLASS' / file.name}"
            )
        if suffix in OTHER_SOUNDS:
            raise DataError(
                f"{file}: expected WAV or FLAC with one channel of 16 bits, for example by "
                "ffmpeg -i FILE -ac 1 -ar 16000 -c:a pcm_s16le FILE.wav"
            )


def _has_sounds(folder: Path) -> bool:
    return any(file.suffix.lower() in SOUNDS for file in folder.iterdir())

"""Answers in, the files of a target under recipes/ out: all of them, composed once, or none."""

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from edgebake import plugins
from edgebake.cli.init import data, next_steps, prompts, recipe_yaml, target_yaml
from edgebake.cli.init import options as target_options
from edgebake.cli.init.answers import Answers, refuse_name, refuse_unknown
from edgebake.data.splits import split_sizes
from edgebake.errors import DataError, HostError, ModelError, RecipeError, listed
from edgebake.models.inspection import file as model_file
from edgebake.models.inspection.model_info import ModelInfo, PixelScaling
from edgebake.plan import compose
from edgebake.recipe import Color, Data, Device
from edgebake.recipe import files as recipe_files
from edgebake.recipe.files import RECIPES
from edgebake.report import model_file as model_report
from edgebake.runtimes.interface import load_runtime

DEFAULT = ([127.5], [1 / 127.5])  # as the options of recipes/data/ have it


@dataclass(frozen=True)
class Begun:
    """What the answers come to."""

    answers: Answers
    device: Device
    found: ModelInfo | None  # of a model that is a file, or an option that names one
    own_model: bool  # whether recipes/model/<name>.yaml is to be written
    data: Data | None  # where recipes/data/<name>.yaml is to be written


def begin(given: Mapping[str, Any], console: Console) -> list[str]:
    """Write the recipes of a target, and return the lines that say what to do with them.

    Raises:
        EdgebakeError: an answer is missing or wrong, a file is there already, or the target would not be sound.
    """
    try:
        begun = _begun(Answers(**given), console)
    except EOFError:
        raise RecipeError(
            "no answer; expected one to every question, or flags: `edgebake init --help`"
        ) from None
    files = _files(begun)
    with _written(files):
        unsaid = next_steps.unsaid(_choices(begun))
        compose.compose_targets([begun.answers.name], [f"{key}=unsaid" for key, _ in unsaid])
    return next_steps.lines(begun.answers.name, _choices(begun), list(files), unsaid)


def _begun(answers: Answers, console: Console) -> Begun:
    refuse_name(answers.name)
    asks = sys.stdin.isatty() and console.is_terminal
    answers = prompts.first(answers, console) if asks else answers
    known = recipe_files.groups()
    if answers.device is None:
        raise RecipeError(f"--device: not said; expected one of: {', '.join(known['device'])}")
    for group in ("device", "quantize", "convert", "train"):
        if (option := getattr(answers, group)) is not None:
            refuse_unknown(f"--{group}", option, known[group])
    found, is_own = _model(answers, known["model"])
    if found and is_own:
        answers = prompts.of_model(answers, found, console) if asks else answers
        _refuse_undecided(answers, found)
    is_new = answers.data is not None and answers.data not in known["data"]
    groups = [group for group, is_asked in (("data", is_new), ("model", is_own)) if is_asked]
    answers = prompts.origins(answers, groups, console) if asks else answers
    data = _data(answers, found) if is_new else None
    device = compose.option("device", str(answers.device))
    return Begun(answers, device, found, is_own, data)


def _model(answers: Answers, options: list[str]) -> tuple[ModelInfo | None, bool]:
    """Return what is in the model's file, if it has one, and whether it is no option yet."""
    if answers.model is None:
        return None, False
    if answers.model in options:
        imported = target_options.content("model", answers.model).get("imported")
        return (model_file.inspect_file(Path(imported["file"])) if imported else None), False
    path = Path(answers.model)
    if not path.exists() and not path.suffix and "/" not in answers.model:
        refuse_unknown(
            "--model", answers.model, options, "no such file, and no option of recipes/model/"
        )
    found = model_file.inspect_file(path)
    _inside("--model", answers.model)
    if why := found.unsupported or model_report.refused_ends(found):
        raise ModelError(f"{path}: {why}")
    if found.code_risk and not answers.trust:
        raise ModelError(f"{path}: {found.code_risk}, by --trust")
    return found, True


def _inside(flag: str, path: str) -> None:
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise RecipeError(
            f"{flag}: {path}; expected a path inside the project: copy it there first"
        )


def _refuse_undecided(answers: Answers, found: ModelInfo) -> None:
    """Refuse to guess what decides whether the model sees what it was trained on."""
    said = "`edgebake inspect` shows what the file says, and what is common"
    if (answers.mean is None) != (answers.scale is None):
        raise RecipeError("--mean and --scale: one of them; expected both, or neither")
    if answers.mean is None and found.pixel_scaling is None:
        raise RecipeError(
            f"--mean, --scale: {answers.model} does not say what pixels become; expected both; {said}"
        )
    if found.pixel_scaling and answers.mean and not _alike(answers, found.pixel_scaling):
        mean, scale = (
            model_report.yaml_numbers(found.pixel_scaling.mean),
            model_report.yaml_numbers(found.pixel_scaling.scale),
        )
        raise RecipeError(
            f"--mean, --scale: {answers.model} says mean {mean}, scale {scale}: {found.pixel_scaling.reason}; "
            "expected these, or neither flag. If the file is wrong, mend recipes/data/ afterwards"
        )
    if answers.output is None and found.output is None:
        raise RecipeError(
            f"--output: {answers.model} does not say it; expected probabilities or logits; {said}"
        )
    if answers.resolution is None and found.image[0] is None:
        raise RecipeError(
            f"--resolution: {answers.model} takes any size; expected one, 224 for one"
        )
    if answers.data is None:
        raise RecipeError(
            f"--data: not said; expected examples for {answers.model}, {data.EXPECTED}"
        )


def _alike(answers: Answers, pixels: PixelScaling) -> bool:
    """Return whether flags say what the file says, to five digits; one number is for all channels."""
    said = ((answers.mean, pixels.mean), (answers.scale, pixels.scale))
    return all(
        math.isclose(flag[place % len(flag)], told[place % len(told)], rel_tol=1e-5, abs_tol=1e-9)
        for flag, told in said
        if flag
        for place in range(3)
    )


def _data(answers: Answers, found: ModelInfo | None) -> Data:
    """Return the words of recipes/data/<name>.yaml."""
    mean, scale = answers.mean or DEFAULT[0], answers.scale or DEFAULT[1]
    if found and found.pixel_scaling and not answers.mean:
        mean, scale = list(found.pixel_scaling.mean), list(found.pixel_scaling.scale)
    path = str(answers.data).rstrip("/")
    _inside("--data", path)
    told = data.told(path, mean, scale)
    color = Color(answers.color) if answers.color else _color(found) or told.color
    told = data.with_splits(replace(told, color=color, labels=answers.labels))
    return _in_order(told, found, answers) if found and answers.head != "new" else told


def _color(found: ModelInfo | None) -> Color | None:
    if found is None or found.image[2] is None:
        return None
    return Color.grayscale if found.image[2] == 1 else Color.rgb


def _in_order(data: Data, found: ModelInfo, answers: Answers) -> Data:
    """Return the data with their classes in the order of the model's answers, as far as its file says it."""
    classes: list[str] = plugins.load("data.source", data.source).load(data).classes
    if found.classes is not None and len(classes) != found.classes:
        raise DataError(
            f"{data.title}: has {len(classes)} classes, and {answers.model} answers for {found.classes}; expected as "
            f"many: --labels with a file of {found.classes} lines, or `--head new --train fine_tune` to train it for "
            "yours"
        )
    if not found.labels or answers.labels or classes == list(found.labels):
        return data
    if sorted(classes) != sorted(found.labels):
        theirs, own = (
            listed(set(found.labels) - set(classes)),
            listed(set(classes) - set(found.labels)),
        )
        raise DataError(
            f"{data.title}: {answers.model} knows the classes {theirs}, and the data have {own}; expected the same "
            "names, or --labels with a file that says yours in the order of its answers"
        )
    return replace(data, labels=str(_labels_file(answers.name)))


def _labels_file(name: str) -> Path:
    return RECIPES / "data" / f"{name}.labels.txt"


def _choices(begun: Begun) -> dict[str, str]:
    """Return the option of each group that the target picks."""
    answers = begun.answers
    form = begun.found.format if begun.found else None
    runtime = answers.convert or target_options.runtime(begun.device, form)
    is_done = begun.found is not None and "already" in begun.found.precision
    trained = ("fine_tune" if answers.head == "new" else "none") if begun.found else None
    picked = {
        "device": answers.device,
        "data": answers.name if begun.data else answers.data,
        "model": answers.name if begun.own_model else answers.model,
        "train": answers.train or trained,
        "quantize": answers.quantize
        or ("none" if is_done else target_options.scheme(begun.device, form, runtime)),
        "convert": runtime,
        "validate": load_runtime(runtime).facts.preferred_validate,
    }
    return {group: option for group, option in picked.items() if option is not None}


def _files(begun: Begun) -> dict[Path, str]:
    """Return the text of every file that is to be written."""
    answers, name, files = begun.answers, begun.answers.name, dict[Path, str]()
    if begun.data:
        made = answers.origin("data", begun.data.location.stem)
        files[RECIPES / "data" / f"{name}.yaml"] = target_yaml.data(begun.data, made)
        if begun.found and begun.data.labels == str(_labels_file(name)):
            files[_labels_file(name)] = "".join(f"{label}\n" for label in begun.found.labels)
    if begun.found and begun.own_model:
        words = recipe_yaml.brought(begun.found, Path(str(answers.model)).as_posix())
        words = replace(
            words,
            output=answers.output or words.output,
            resolution=answers.resolution or words.resolution,
            head=answers.head or "keep",
            allow_code=answers.trust,
            origin=answers.origin("model", Path(str(answers.model)).stem),
        )
        files[RECIPES / "model" / f"{name}.yaml"] = recipe_yaml.model(begun.found, words)
    files[RECIPES / "target" / f"{name}.yaml"] = target_yaml.target(_choices(begun), _below(begun))
    return files


def _below(begun: Begun) -> dict[str, dict[str, Any]]:
    """Return the values that the target sets below its options."""
    answers, below = begun.answers, {}
    if begun.data is None:
        given = {word: getattr(answers, word) for word in ("color", "mean", "scale", "labels")}
        below["data"] = {word: value for word, value in given.items() if value is not None}
    option = _choices(begun)["quantize"]
    asked = target_options.examples(option)
    data = begun.data or (compose.option("data", answers.data) if answers.data else None)
    if data and asked:
        told = (
            replace(data, labels=answers.labels) if begun.data else data
        )  # its labels file is not written yet
        counts = plugins.load("data.source", data.source).count(told)
        held = split_sizes(counts, data.splits)["calibration"]
        below["quantize"] = {"calibration": {"examples": held}} if 0 < held < asked else {}
    return {group: words for group, words in below.items() if words}


@contextmanager
def _written(files: Mapping[Path, str]) -> Iterator[None]:
    """Write all files, and take them away again where what follows fails."""
    for path in files:
        if path.exists():
            raise HostError(
                f"{path}: is there already, and is not overwritten; expected another name, or remove it"
            )
    new_folders = {path.parent for path in files if not path.parent.exists()}
    try:
        for path, content in files.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        yield
    except BaseException:
        for path in files:
            path.unlink(missing_ok=True)
        for folder in new_folders:
            folder.rmdir()
        raise

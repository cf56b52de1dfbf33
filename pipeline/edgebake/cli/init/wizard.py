"""Write the recipes of a target: all files, composed once as a check, or none."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from edgebake import artifacts, plugins
from edgebake.cli.init import data as dataset
from edgebake.cli.init import next_steps, options, prompts, recipe_yaml, target_yaml
from edgebake.cli.init.answers import Answers, refuse_name, refuse_unknown
from edgebake.cli.init.fit import Fit, FitSearch
from edgebake.cli.init.imported_model import (
    ModelChoice,
    choose_model,
    refuse_outside,
    refuse_undecided,
)
from edgebake.data.splits import split_sizes
from edgebake.errors import DataError, HostError, RecipeError, listed
from edgebake.models.inspection.model_info import ModelInfo
from edgebake.plan import compose
from edgebake.plan.checks import data_code
from edgebake.recipe import Color, Data, Device
from edgebake.recipe.files import RECIPES, groups
from edgebake.runtimes.interface import load_runtime

DEFAULT_MEAN, DEFAULT_SCALE = [127.5], [1 / 127.5]  # of the options of recipes/data/


@dataclass(frozen=True)
class Draft:
    """Complete answers, and what they refer to."""

    answers: Answers
    device: Device
    model: ModelChoice
    data: Data | None  # the options of recipes/data/<name>.yaml; None: no such file is written
    quantize: str  # an option of recipes/quantize/
    fit: Fit  # with which the device has it


def write_recipes(answers: Answers, console: Console) -> list[str]:
    """Write the recipes of a target, and return the lines that name the next steps.

    Raises:
        EdgebakeError: an answer is missing or wrong, a file exists already, or the target cannot
            be composed.
    """
    try:
        draft = _draft(answers, console)
    except EOFError:
        raise RecipeError(
            "no answer; expected one to every question, or flags: `edgebake init --help`"
        ) from None
    choices = _choices(draft)
    files = _files(draft, choices)
    with _written(files):
        missing = next_steps.missing_values(choices)
        placeholders = [f"{key}=unsaid" for key, _ in missing]
        with data_code.allowed():
            compose.compose_targets([draft.answers.name], placeholders)
    return next_steps.summarize(draft.answers.name, choices, list(files), missing)


def _draft(answers: Answers, console: Console) -> Draft:
    refuse_name(answers.name)
    is_interactive = sys.stdin.isatty() and console.is_terminal
    if is_interactive:
        answers = prompts.ask_for_inputs(answers, console)
    known = groups()
    _refuse_unknown_options(answers, known)
    model = choose_model(answers, known["model"])
    device = compose.option("device", str(answers.device))
    quantize, fit = _fit(answers, device, model)
    if model.info and model.is_new:
        if is_interactive:
            answers = prompts.ask_about_model(answers, model.info, console)
        refuse_undecided(answers, model.info)
    is_new_data = answers.data is not None and answers.data not in known["data"]
    if is_interactive:
        is_new = {"data": is_new_data, "model": model.is_new}
        new_groups = [group for group in is_new if is_new[group]]
        answers = prompts.ask_for_attribution(answers, new_groups, console)
    data = _data(answers, model.info) if is_new_data else None
    return Draft(answers, device, model, data, quantize, fit)


def _refuse_unknown_options(answers: Answers, known: Mapping[str, list[str]]) -> None:
    if answers.device is None:
        raise RecipeError(f"--device: missing; expected one of: {', '.join(known['device'])}")
    for group in ("device", "quantize", "convert", "train"):
        option = getattr(answers, group)
        if option is not None:
            refuse_unknown(f"--{group}", option, known[group])


def _data(answers: Answers, info: ModelInfo | None) -> Data:
    """Return the options of recipes/data/<name>.yaml."""
    mean = answers.mean or DEFAULT_MEAN
    scale = answers.scale or DEFAULT_SCALE
    if info and info.pixel_scaling and not answers.mean:
        mean, scale = list(info.pixel_scaling.mean), list(info.pixel_scaling.scale)
    path = str(answers.data).rstrip("/")
    refuse_outside("--data", path)
    data = replace(dataset.detect(path, mean, scale), labels=answers.labels)
    if answers.color:
        data = replace(data, color=Color(answers.color))
    elif info and info.image[2] is not None:
        data = replace(data, color=Color.grayscale if info.image[2] == 1 else Color.rgb)
    data = dataset.with_splits(data)
    if info and answers.head != "new":
        return _with_class_order(data, info, answers)
    return data


def _with_class_order(data: Data, info: ModelInfo, answers: Answers) -> Data:
    """Return the data with their classes in the order of the model's outputs, if its file has it.

    The labels file that is named then is still to be written.
    """
    classes: list[str] = plugins.load("data.source", data.source).load(data).classes
    if info.classes is not None and len(classes) != info.classes:
        raise DataError(
            f"{data.title}: has {len(classes)} classes, and {answers.model} predicts "
            f"{info.classes}; expected the same number: --labels with a file of {info.classes} "
            "lines, or `--head new --train fine_tune` to train it for yours"
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
    return replace(data, labels=str(_labels_file(answers.name)))


def _labels_file(name: str) -> Path:
    return RECIPES / "data" / f"{name}.labels.txt"


def _choices(draft: Draft) -> dict[str, str]:
    """Return the option of each group that the target picks."""
    answers = draft.answers
    picked = {
        "device": answers.device,
        "data": answers.name if draft.data else answers.data,
        "model": answers.name if draft.model.is_new else answers.model,
        "train": answers.train or _train_option(draft),
        "quantize": draft.quantize,
        "convert": draft.fit.runtime,
        "validate": _validate_option(draft.fit.runtime),
    }
    return {group: option for group, option in picked.items() if option is not None}


def _validate_option(convert: str) -> str | None:
    runtime = compose.option("convert", convert).runtime
    return load_runtime(runtime).facts.preferred_validate


def _train_option(draft: Draft) -> str | None:
    if draft.model.info is None:
        return None
    return "fine_tune" if draft.answers.head == "new" else "none"


def _fit(answers: Answers, device: Device, model: ModelChoice) -> tuple[str, Fit]:
    """Return the option of `quantize`, and a runtime with which it fits the device.

    Raises:
        RecipeError: the device has no such runtime, or no runtime of it has the scheme.
    """
    info = model.info
    model_format = info.format if info else None
    search = FitSearch(device, model_format, not model.is_graph)
    runtimes = options.possible_runtimes(device, model_format)
    if answers.convert:
        runtime = search.runtime_of(answers.convert)
        options.refuse_other_runtime(device, runtime, runtimes)
        runtimes = [answers.convert]
    quantize = answers.quantize
    if quantize is None:
        runtime = search.runtime_of(runtimes[0])
        is_done = info is not None and info.is_quantized
        quantize = "none" if is_done else options.pick_scheme(device, model_format, runtime)
    return quantize, search.choose(quantize, runtimes)


def _files(draft: Draft, choices: Mapping[str, str]) -> dict[Path, str]:
    """Return the text of every file that is to be written."""
    answers, info = draft.answers, draft.model.info
    recipe_file = f"{answers.name}.yaml"
    files: dict[Path, str] = {}
    if draft.data:
        attribution = answers.data_attribution(draft.data.location.stem)
        text = target_yaml.data_recipe(draft.data, attribution)
        files[RECIPES / "data" / recipe_file] = text
        labels_file = _labels_file(answers.name)
        if info and draft.data.labels == str(labels_file):
            files[labels_file] = "".join(f"{label}\n" for label in info.labels)
    if info and draft.model.is_new:
        text = recipe_yaml.model_recipe(info, _import_options(answers, info))
        files[RECIPES / "model" / recipe_file] = text
    text = target_yaml.target_recipe(choices, _overrides(draft, choices))
    files[RECIPES / "target" / recipe_file] = text
    return files


def _import_options(answers: Answers, info: ModelInfo) -> recipe_yaml.ImportOptions:
    file = Path(str(answers.model))
    of_file = recipe_yaml.import_options(info, file.as_posix())
    return replace(
        of_file,
        output=answers.output or of_file.output,
        resolution=answers.resolution or of_file.resolution,
        head=answers.head or "keep",
        allow_code=answers.allow_code,
        attribution=answers.model_attribution(file.stem),
    )


def _overrides(draft: Draft, choices: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Return the values that the target's own file sets, by group."""
    overrides: dict[str, dict[str, object]] = {"convert": draft.fit.overrides}
    if draft.data is None:
        answers = {key: getattr(draft.answers, key) for key in ("color", "mean", "scale", "labels")}
        overrides["data"] = {key: value for key, value in answers.items() if value is not None}
    required_samples = options.calibration_samples(choices["quantize"])
    if required_samples:
        available = _calibration_split_size(draft)
        if 0 < available < required_samples:
            overrides["quantize"] = {"calibration": {"samples": available}}
    return {group: values for group, values in overrides.items() if values}


def _calibration_split_size(draft: Draft) -> int:
    """Return the number of examples in the calibration split; 0 if the target names no data."""
    if draft.data:
        # A labels file that is still to be written is not read.
        data = replace(draft.data, labels=draft.answers.labels)
    elif draft.answers.data:
        data = compose.option("data", draft.answers.data)
    else:
        return 0
    counts = plugins.load("data.source", data.source).count(data)
    return split_sizes(counts, data.splits)["calibration"]


@contextmanager
def _written(files: Mapping[Path, str]) -> Iterator[None]:
    """Write all files, and remove them again if the body of the `with` statement fails."""
    for path in files:
        if path.exists():
            raise HostError(
                f"{path}: exists already, and is not overwritten; expected another name, or "
                "remove it"
            )
    new_folders = {path.parent for path in files if not path.parent.exists()}
    try:
        for path, text in files.items():
            artifacts.write(path, text.encode())
        yield
    except BaseException:
        for path in files:
            path.unlink(missing_ok=True)
        for folder in new_folders:
            folder.rmdir()
        raise

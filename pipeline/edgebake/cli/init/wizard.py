"""Write the recipes of a target: all files, composed once as a check, or none."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from edgebake import plugins
from edgebake.cli.init import (
    next_steps,
    options,
    other_data,
    own_data,
    prompts,
    recipe_yaml,
    release_texts,
    target_yaml,
)
from edgebake.cli.init.answers import Answers, refuse_name, refuse_unknown
from edgebake.cli.init.fit import Fit, FitSearch
from edgebake.cli.init.imported_model import (
    ModelChoice,
    choose_model,
    refuse_outside,
    refuse_spectra,
    refuse_undecided,
    refuse_undecided_resize,
)
from edgebake.cli.init.objections import UNSAID, objections
from edgebake.cli.init.other_data import OtherData
from edgebake.cli.init.release_texts import ReleaseTexts
from edgebake.cli.init.written_files import written
from edgebake.data.splits import split_sizes
from edgebake.errors import RecipeError
from edgebake.models.inspection.model_info import ModelInfo
from edgebake.plan import compose, unused_options
from edgebake.plan.checks import data_code
from edgebake.recipe import Crop, Data, Device, example_release
from edgebake.recipe.files import RECIPES, groups
from edgebake.runtimes.interface import load_runtime

# Options of data that a target's own file sets, if its data have a recipe.
DATA_ANSWERS = ("color", "mean", "scale", "labels", "crop", "resize", "antialias", "short_side")


@dataclass(frozen=True)
class Draft:
    """Complete answers, and what they refer to."""

    answers: Answers
    device: Device
    model: ModelChoice
    data: Data | None  # the options of recipes/data/<name>.yaml; None: no such file is written
    quantize: str  # an option of recipes/quantize/
    fit: Fit  # with which the device has it
    release: ReleaseTexts | None  # the texts of recipes/release.yaml; None: they stay
    other: OtherData | None = None  # the recipe of data that are no images


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
    edits = {}
    if draft.release is not None:
        edits[release_texts.FILE] = release_texts.edited(draft.release)
    name = draft.answers.name
    with written(files, edits):
        missing = next_steps.missing_values(choices)
        placeholders = [f"{key}={UNSAID}" for key, _ in missing]
        with data_code.allowed():
            (target,) = compose.compose_targets([name], placeholders)
            refusals = objections(target.recipe)
    summary = next_steps.summarize(name, choices, list(files), missing, draft.release)
    return [*summary, *refusals]


def _draft(answers: Answers, console: Console) -> Draft:
    refuse_name(answers.name)
    is_interactive = sys.stdin.isatty() and console.is_terminal
    if is_interactive:
        answers = prompts.ask_for_inputs(answers, console)
    known = groups()
    _refuse_unknown_options(answers, known)
    other = _other_data(answers, known)
    if other is not None and answers.model is None:
        model_option = other_data.model_for(other.data.input.kind, known["model"])
        answers = replace(answers, model=model_option)
    model = choose_model(answers, known["model"])
    device = compose.option("device", str(answers.device))
    quantize, fit = _fit(answers, device, model)
    if model.info and model.is_new:
        refuse_spectra(answers, model.info)
        if is_interactive:
            answers = prompts.ask_about_model(answers, model.info, console)
        refuse_undecided(answers, model.info)
    is_new_data = answers.data is not None and answers.data not in known["data"]
    is_new_images = is_new_data and other is None
    if is_new_images and is_interactive:
        answers = prompts.ask_about_resize(answers, model.info, console)
    if is_new_images and model.info:
        refuse_undecided_resize(answers, model.info)
    if is_interactive:
        is_new = {"data": is_new_data, "model": model.is_new}
        new_groups = [group for group in is_new if is_new[group]]
        answers = prompts.ask_for_attribution(answers, new_groups, console)
    data = other.data if other else None
    if is_new_images:
        data = own_data.data_options(answers, model.info)
    answers, release = _release(answers, data, console if is_interactive else None)
    return Draft(answers, device, model, data, quantize, fit, release, other)


def _other_data(answers: Answers, known: Mapping[str, list[str]]) -> OtherData | None:
    """Return the recipe of new data that are no images; None for images and options."""
    if answers.data is None or answers.data in known["data"]:
        return None
    source = other_data.detect(answers.data)
    if source is None:
        return None
    refuse_outside("--data", answers.data)
    return other_data.read(source, answers)


def _release(
    answers: Answers, data: Data | None, console: Console | None
) -> tuple[Answers, ReleaseTexts | None]:
    """Return the texts that replace the example's; None if they are the user's, or still true.

    Args:
        answers: the answers so far.
        data: the options of new data; None: the target has an option.
        console: to ask on; None: ask nothing.
    """
    source: object = example_release.DATA_SOURCE
    if data is not None:
        source = data.source
    elif answers.data is not None:
        option = options.read_option("data", answers.data)
        source = option.get("source")
    is_example = source == example_release.DATA_SOURCE
    if is_example or not release_texts.has_example_texts():
        release_texts.refuse_flags(answers)
        return answers, None
    if console is not None:
        answers = prompts.ask_for_release(answers, console)
    return answers, release_texts.texts(answers)


def _refuse_unknown_options(answers: Answers, known: Mapping[str, list[str]]) -> None:
    if answers.device is None:
        devices = ", ".join(known["device"])
        raise RecipeError(f"--device: missing; expected one of: {devices}")
    for group in ("device", "quantize", "convert", "train"):
        option = getattr(answers, group)
        if option is not None:
            refuse_unknown(f"--{group}", option, known[group])


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
    options_of_convert = compose.option("convert", convert)
    runtime = load_runtime(options_of_convert.runtime)
    return runtime.facts.preferred_validate


def _train_option(draft: Draft) -> str | None:
    if draft.model.info is None:
        return None
    if draft.answers.head == "new":
        return "fine_tune"
    return "none"


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
        quantize = options.pick_scheme(device, model_format, runtime)
    return quantize, search.choose(quantize, runtimes)


def _files(draft: Draft, choices: Mapping[str, str]) -> dict[Path, str]:
    """Return the text of every file that is to be written."""
    answers = draft.answers
    info = draft.model.info
    recipe_file = f"{answers.name}.yaml"
    files: dict[Path, str] = {}
    if draft.data:
        attribution = answers.data_attribution(draft.data.location.stem)
        if draft.other:
            text = other_data.with_attribution(draft.other.text, attribution)
        else:
            text = target_yaml.data_recipe(draft.data, attribution)
        files[RECIPES / "data" / recipe_file] = text
        labels_file = own_data.labels_file(answers.name)
        if info and draft.data.labels == str(labels_file):
            lines = [f"{label}\n" for label in info.labels]
            files[labels_file] = "".join(lines)
    if info and draft.model.is_new:
        import_options = _import_options(answers, info)
        text = recipe_yaml.model_recipe(info, import_options)
        files[RECIPES / "model" / recipe_file] = text
    overrides = _overrides(draft, choices)
    text = target_yaml.target_recipe(choices, overrides)
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
        answers = {key: getattr(draft.answers, key) for key in DATA_ANSWERS}
        if answers["short_side"] is not None and answers["crop"] is None:
            answers["crop"] = Crop.center.value
        overrides["data"] = {key: value for key, value in answers.items() if value is not None}
    required_samples = options.calibration_samples(choices["quantize"])
    if required_samples:
        available = _calibration_split_size(draft)
        if 0 < available < required_samples:
            overrides["quantize"] = {"calibration": {"samples": available}}
    return {group: values for group, values in overrides.items() if values}


def _calibration_split_size(draft: Draft) -> int:
    """Return the number of examples in the calibration split; 0 if the target names no data."""
    data: Data | None = None
    if draft.data:
        # A labels file that is still to be written is not read.
        data = replace(draft.data, labels=draft.answers.labels)
    elif draft.answers.data:
        data = unused_options.read("data", draft.answers.data)
    if data is None:
        return 0
    source = plugins.load("data.source", data.source)
    counts = source.count(data)
    sizes = split_sizes(counts, data.splits)
    return sizes["calibration"]

"""Questions of `edgebake init` on a terminal, for everything that no option answers."""

from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.prompt import IntPrompt, Prompt

from edgebake.cli.init.answers import Answers
from edgebake.errors import RecipeError
from edgebake.models.inspection.model_info import ModelInfo
from edgebake.recipe.files import groups
from edgebake.report.model_file import COMMON

OWN_NUMBERS = "other numbers"
RESIZES: dict[str, dict[str, Any]] = {
    "Pillow, torchvision's Resize((h, w)), edgebake's sample code": {"antialias": True},
    "TensorFlow, Keras (tf.image.resize, Resizing, image_dataset_from_directory)": {
        "antialias": False
    },
    "the same with crop_to_aspect_ratio=True": {"antialias": False, "crop": "center"},
    "torchvision's Resize(256) and CenterCrop": {"antialias": True, "short_side": 256},
}
RELEASE_QUESTIONS = {
    "description": "Model card: the model in one sentence",
    "intended_use": "Model card: what it is for",
    "limits": "Model card: what it cannot do",
    "author": "Model card: author of the release",
    "license": "Model card: license of the release, SPDX",
    "contact": "Model card: where to ask about it",
}
HINTS = {"author": "", "license": ", SPDX", "source": ", URL or file"}


def ask_for_inputs(answers: Answers, console: Console) -> Answers:
    """Return the answers with a device, data and a model."""
    device = answers.device or Prompt.ask(
        "Target device", console=console, choices=groups()["device"]
    )
    data = answers.data or Prompt.ask(
        "Data (a folder, a file, a dataset of Keras or an option)", console=console
    )
    model = answers.model or Prompt.ask(
        "Model (a file, or an architecture to train)", console=console, default="ds_cnn"
    )
    return replace(answers, device=device, data=data, model=model)


def ask_about_model(answers: Answers, model_info: ModelInfo, console: Console) -> Answers:
    """Return the answers with everything that the model's file does not define."""
    if answers.output is None and model_info.output is None:
        output = Prompt.ask(
            "Output of the model", console=console, choices=["probabilities", "logits"]
        )
        answers = replace(answers, output=output)
    if answers.resolution is None and model_info.resolution[0] is None:
        resolution = IntPrompt.ask("Height and width in pixels", console=console, default=224)
        answers = replace(answers, resolution=resolution)
    if answers.mean or model_info.pixel_scaling:
        return answers
    return _ask_for_pixel_scaling(answers, console)


def ask_about_resize(answers: Answers, model_info: ModelInfo | None, console: Console) -> Answers:
    """Return the answers with how images are resized, unless a flag or the model's file says it.

    An architecture that edgebake builds is trained as the app resizes.
    """
    if answers.antialias is not None or (model_info and model_info.resize):
        return answers
    numbers = [str(number) for number, _ in enumerate(RESIZES, start=1)]
    for number, convention in zip(numbers, RESIZES, strict=True):
        console.print(f"  {number} {convention}", markup=False)
    if model_info is None:
        question = "Resize of images in your app"
        number = Prompt.ask(question, console=console, choices=numbers, default=numbers[0])
    else:
        question = "Resize of images in its training"
        number = Prompt.ask(question, console=console, choices=numbers)
    answers = replace(answers, **list(RESIZES.values())[int(number) - 1])
    if answers.short_side is not None:
        short_side = IntPrompt.ask("Shorter side in pixels", console=console, default=256)
        answers = replace(answers, short_side=short_side)
    return answers


def ask_for_attribution(answers: Answers, groups: list[str], console: Console) -> Answers:
    """Return the answers with author, license and source of data and model.

    An empty answer leaves the field to be filled in later.
    """
    attribution: dict[str, Any] = {}
    for group in groups:
        for field, hint in HINTS.items():
            key = f"{group}_{field}"
            if getattr(answers, key) is None:
                question = f"{field.capitalize()} of the {group}{hint} (empty: fill in later)"
                attribution[key] = Prompt.ask(question, console=console, default="") or None
    return replace(answers, **attribution)


def ask_for_release(answers: Answers, console: Console) -> Answers:
    """Return the answers with the texts of the model card; an empty answer states nothing."""
    given: dict[str, Any] = {}
    for field, question in RELEASE_QUESTIONS.items():
        if getattr(answers, field) is None:
            text = Prompt.ask(f"{question} (empty: not stated)", console=console, default="")
            given[field] = text or None
    for field in ("intended_use", "limits"):
        if given.get(field):
            given[field] = [given[field]]
    return replace(answers, **given)


def _ask_for_pixel_scaling(answers: Answers, console: Console) -> Answers:
    scalings = [*COMMON, OWN_NUMBERS]
    numbers = [str(number) for number, _ in enumerate(scalings, start=1)]
    for number, scaling in zip(numbers, scalings, strict=True):
        console.print(f"  {number} {scaling}", markup=False)
    number = Prompt.ask("Scaling of pixels in its training", console=console, choices=numbers)
    scaling = scalings[numbers.index(number)]
    if scaling == OWN_NUMBERS:
        mean_text = Prompt.ask("mean, one number or three", console=console)
        scale_text = Prompt.ask("scale, one number or three", console=console)
        return replace(answers, mean=_parse_numbers(mean_text), scale=_parse_numbers(scale_text))
    mean, scale = COMMON[scaling]
    if "bgr" in scaling:
        answers = replace(answers, color="bgr")
    return replace(answers, mean=mean, scale=scale)


def _parse_numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.replace(",", " ").split()]
    except ValueError:
        raise RecipeError(
            f"{text!r}: not numbers; expected one, or three separated by spaces"
        ) from None

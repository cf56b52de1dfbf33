"""The questions of `edgebake init`, for what no flag says."""

from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.prompt import IntPrompt, Prompt

from edgebake.cli.init.answers import Answers
from edgebake.errors import RecipeError
from edgebake.models.inspection.model_info import ModelInfo
from edgebake.recipe.files import groups
from edgebake.report.model_file import COMMON

OWN = "numbers of its own"


def first(answers: Answers, console: Console) -> Answers:
    """Return the answers with a device, data and a model."""
    known = groups()
    device = answers.device or Prompt.ask(
        "For which device", console=console, choices=known["device"]
    )
    data = answers.data or Prompt.ask(
        "Which data (a folder, a file, a set of Keras or an option)", console=console
    )
    model = answers.model or Prompt.ask(
        "Which model (a file, or an architecture to train)", console=console, default="ds_cnn"
    )
    return replace(answers, device=device, data=data, model=model)


def of_model(answers: Answers, found: ModelInfo, console: Console) -> Answers:
    """Return the answers with what the file of a model does not say."""
    if answers.output is None and found.output is None:
        output = Prompt.ask(
            "What does it answer", console=console, choices=["probabilities", "logits"]
        )
        answers = replace(answers, output=output)
    if answers.resolution is None and found.image[0] is None:
        answers = replace(
            answers, resolution=IntPrompt.ask("Pixels a side", console=console, default=224)
        )
    return answers if answers.mean or found.pixel_scaling else _pixels(answers, console)


def origins(answers: Answers, groups: list[str], console: Console) -> Answers:
    """Return the answers with who made the data and the model; what is left out stays `???`."""
    said: dict[str, Any] = {}
    for group in groups:
        for word, hint in {
            "author": "",
            "license": ", SPDX",
            "source": ", where it is from",
        }.items():
            key = f"{group}_{word}"
            if getattr(answers, key) is None:
                asked = f"{word.capitalize()} of the {group}{hint} (empty: later)"
                said[key] = Prompt.ask(asked, console=console, default="") or None
    return replace(answers, **said)


def _pixels(answers: Answers, console: Console) -> Answers:
    ways = [*COMMON, OWN]
    for number, way in enumerate(ways, start=1):
        console.print(f"  {number} {way}", markup=False)
    picked = ways[
        int(Prompt.ask("Which pixels was it trained on", console=console, choices=_numbers(ways)))
        - 1
    ]
    if picked == OWN:
        mean, scale = (
            Prompt.ask(f"{word}, one number or three", console=console)
            for word in ("mean", "scale")
        )
        return replace(answers, mean=_read(mean), scale=_read(scale))
    mean_, scale_ = COMMON[picked]
    color = "bgr" if "bgr" in picked else answers.color
    return replace(answers, mean=mean_, scale=scale_, color=color)


def _numbers(ways: list[str]) -> list[str]:
    return [str(number) for number in range(1, len(ways) + 1)]


def _read(text: str) -> list[float]:
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise RecipeError(
            f"{text!r}: no numbers; expected one, or three with blanks between"
        ) from None

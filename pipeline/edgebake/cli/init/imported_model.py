"""Inspect the model that `--model` names, and refuse answers that contradict its file."""

import math
from dataclasses import dataclass
from pathlib import Path

from edgebake.cli.init.answers import Answers, refuse_unknown
from edgebake.cli.init.data import EXPECTED
from edgebake.cli.init.options import read_option
from edgebake.errors import ModelError, RecipeError
from edgebake.models.importers import input_kind
from edgebake.models.inspection import usability
from edgebake.models.inspection.limited import inspect_file
from edgebake.models.inspection.model_info import ModelInfo, PixelScaling
from edgebake.recipe import Resize
from edgebake.report import model_file as model_report
from edgebake.terminal.printable import is_printable, printable

HINT = "`edgebake inspect` shows the contents of the file, and common values"


@dataclass(frozen=True)
class ModelChoice:
    """The model that a target is made from."""

    info: ModelInfo | None = None  # None: an architecture that edgebake builds
    is_new: bool = False  # whether a recipe has to be written for it

    @property
    def is_graph(self) -> bool:
        """Return whether the file holds a finished graph instead of layers that can be trained."""
        if self.info is None:
            return False
        return not self.info.has_layers


def choose_model(answers: Answers, options: list[str]) -> ModelChoice:
    """Return the model of the answers: a file, an option of recipes/model/, or the default.

    Raises:
        ModelError: the file cannot be imported, or runs code without --allow-code.
        RecipeError: there is neither a file nor an option of that name.
    """
    if answers.model is None:
        return ModelChoice()
    if answers.model in options:
        imported = read_option("model", answers.model).get("imported")
        if imported is None:
            return ModelChoice()
        return ModelChoice(info=_usable(Path(imported["file"])))
    path = Path(answers.model)
    if not path.exists() and not path.suffix and "/" not in answers.model:
        problem = "no such file, and no option of recipes/model/"
        refuse_unknown("--model", answers.model, options, problem)
    info = _usable(path)
    refuse_outside("--model", answers.model)
    if info.code_risk and not answers.allow_code:
        raise ModelError(f"{path}: {info.code_risk}, with --allow-code")
    return ModelChoice(info=info, is_new=True)


def _usable(path: Path) -> ModelInfo:
    """Inspect a file that can be imported, as far as it says.

    Raises:
        ModelError: it cannot.
    """
    info = inspect_file(path)
    problem = usability.refusal(info)
    if problem is not None:
        raise ModelError(f"{path}: {problem}")
    return info


def refuse_outside(flag: str, path: str) -> None:
    """Refuse a path outside the project, which DVC cannot track, or with characters to be escaped.

    Raises:
        RecipeError: it is absolute, has `..` in it, or characters that no recipe should hold.
    """
    if not is_printable(path) or "${" in path:
        raise RecipeError(
            f"{flag}: {printable(path)}; expected a path of visible characters, without ${{"
        )
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise RecipeError(
            f"{flag}: {path}; expected a path inside the project: copy it there first"
        )


def refuse_undecided(answers: Answers, info: ModelInfo) -> None:
    """Refuse to guess anything that changes the model's input or the meaning of its output.

    Raises:
        RecipeError: a value is missing that the file does not define, or contradicts the file.
    """
    _refuse_undecided_pixels(answers, info)
    if answers.output is None and info.output is None:
        raise RecipeError(
            f"--output: {answers.model} does not define it; "
            f"expected probabilities or logits; {HINT}"
        )
    if answers.resolution is None and info.resolution[0] is None:
        raise RecipeError(
            f"--resolution: {answers.model} takes any size; expected one, for example 224"
        )
    if answers.data is None:
        raise RecipeError(f"--data: missing; expected examples for {answers.model}, {EXPECTED}")


def refuse_spectra(answers: Answers, info: ModelInfo) -> None:
    """Refuse to take spectra for a gray picture, unless an answer scales its pixels.

    Raises:
        RecipeError: the input has the shape of both, and nothing says that it is a picture.
    """
    spectra = input_kind.spectrum(info.inputs[0].shape) if info.inputs else None
    if spectra is None or info.pixel_scaling is not None or answers.mean is not None:
        return
    raise RecipeError(
        f"--model: {answers.model} takes {spectra}, or gray pictures; expected --mean and --scale "
        f"if these are pictures. {input_kind.OF_SOUNDS}"
    )


def refuse_undecided_resize(answers: Answers, info: ModelInfo) -> None:
    """Refuse to guess how the images of an imported model are resized.

    Raises:
        RecipeError: neither the file nor an answer says whether with antialiasing.
    """
    is_decided = answers.antialias is not None or answers.resize == Resize.nearest.value
    if info.resize is None and not is_decided:
        raise RecipeError(
            f"--antialias or --no-antialias: {answers.model} does not define how its images were "
            "resized; expected --no-antialias for tf.image.resize, Keras' Resizing and "
            "image_dataset_from_directory, --antialias for Pillow and torchvision"
        )


def _refuse_undecided_pixels(answers: Answers, info: ModelInfo) -> None:
    if (answers.mean is None) != (answers.scale is None):
        raise RecipeError("--mean and --scale: only one of them; expected both, or neither")
    if info.pixel_scaling is None:
        if answers.mean is None:
            raise RecipeError(
                f"--mean, --scale: {answers.model} does not define the scaling of pixels; "
                f"expected both; {HINT}"
            )
    elif answers.mean and answers.scale:
        _refuse_other_pixels(answers, info.pixel_scaling)


def _refuse_other_pixels(answers: Answers, scaling: PixelScaling) -> None:
    """Refuse `--mean` and `--scale` that differ from the file's."""
    same_mean = _are_close(answers.mean or [], scaling.mean)
    same_scale = _are_close(answers.scale or [], scaling.scale)
    if not (same_mean and same_scale):
        mean = model_report.yaml_numbers(scaling.mean)
        scale = model_report.yaml_numbers(scaling.scale)
        raise RecipeError(
            f"--mean, --scale: {answers.model} has mean {mean}, scale {scale}: "
            f"{scaling.reason}; expected these, or neither flag. If the file is wrong, correct "
            "recipes/data/ afterwards"
        )


def _are_close(answer: list[float], of_file: tuple[float, ...]) -> bool:
    """Return whether three channels are equal to five digits; one number is for all channels."""
    for channel in range(3):
        value = answer[channel % len(answer)]
        expected = of_file[channel % len(of_file)]
        if not math.isclose(value, expected, rel_tol=1e-5, abs_tol=1e-9):
            return False
    return True

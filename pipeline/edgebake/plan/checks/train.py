"""What must hold between the words of `train`: a part of pipeline/edgebake/plan/checks/recipe.py."""

import math
from collections.abc import Iterator

from edgebake.recipe import Augment, Color, Head, Recipe, Train

Problem = tuple[str, str]

# Least and most of each number of `augment`; those in OPEN are not allowed at their least, nor `crop` at its most.
BOUNDS: dict[str, tuple[float, float]] = {
    "crop": (0, 1),
    "rotation": (0, 180),
    "brightness": (0, 1),
    "contrast": (0, 1),
    "saturation": (0, 1),
    "hue": (0, 0.5),
    "mixup": (0, 1),
    "cutout": (0, 1),
}
OF_COLOR = ("saturation", "hue")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of how a model learns."""
    yield from _something_is_learned(recipe)
    yield from (
        (f"train.{key}", text)
        for key, text in _of(recipe.train, recipe.train.epochs, recipe.data.color)
    )
    learn = recipe.prune.fine_tune
    if learn is not None:
        epochs = learn.epochs // max(recipe.prune.steps or 1, 1)  # each step warms up anew
        yield from (
            (f"prune.fine_tune.{key}", text) for key, text in _of(learn, epochs, recipe.data.color)
        )
    if recipe.prune.fine_tune is not None and recipe.prune.fine_tune.layers != ["*"]:
        yield "prune.fine_tune.layers", "expected ['*']: what was cut is learned in all layers"


def _something_is_learned(recipe: Recipe) -> Iterator[Problem]:
    words, brought = recipe.train, recipe.model.imported
    if words.epochs < 0 or (not words.epochs and brought is None):
        yield "train.epochs", f"{words.epochs}; expected 1 or more"
    if brought is not None and brought.head is Head.new and words.epochs < 1:
        yield "train.epochs", "0; a new head expects 1 or more: it has learned nothing yet"
    for word in ("batch_size", "threads"):
        if getattr(words, word) < 1:
            yield f"train.{word}", f"{getattr(words, word)}; expected 1 or more"
    if (words.epochs or brought is None) and not 0 < words.learning_rate <= 1:
        yield "train.learning_rate", f"{words.learning_rate:g}; expected more than 0 and at most 1"


def _of(words: Train, epochs: int, color: Color) -> Iterator[Problem]:
    if epochs > 0 and not 0 <= words.warmup_epochs < epochs:
        yield (
            "warmup_epochs",
            f"{words.warmup_epochs}; expected 0, or fewer than the {epochs} of epochs",
        )
    if not words.layers:
        yield "layers", "empty; expected patterns of names of layers, '*' for all"
    if words.early_stopping is not None and words.early_stopping.patience < 1:
        yield "early_stopping.patience", f"{words.early_stopping.patience}; expected 1 or more"
    if words.augment is not None:
        yield from ((f"augment.{key}", text) for key, text in _augment(words.augment, color))


def _augment(words: Augment, color: Color) -> Iterator[Problem]:
    for word, (least, most) in BOUNDS.items():
        value = getattr(words, word)
        if value is None:
            continue
        if not (math.isfinite(value) and least < value <= most) or (
            word in ("crop", "cutout") and value == most
        ):
            below = "less than" if word in ("crop", "cutout") else "at most"
            yield word, f"{value:g}; expected more than {least:g} and {below} {most:g}, or null"
        if word in OF_COLOR and color is Color.grayscale:
            yield word, f"{value:g}; expected null for grey images"

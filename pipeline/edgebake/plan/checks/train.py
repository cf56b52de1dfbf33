"""Check the options of `train` and of fine-tuning."""

from collections.abc import Iterator

from edgebake.errors import Problem
from edgebake.plan.checks.values import Interval
from edgebake.recipe import Augment, Head, Recipe, Train

# Upper limit of each number of `augment`. The lower limit is 0, which is not allowed itself.
UPPER_LIMITS: dict[str, float] = {
    "crop": 1,
    "rotation": 180,
    "brightness": 1,
    "contrast": 1,
    "saturation": 1,
    "hue": 0.5,
    "mixup": 1,
    "cutout": 1,
}
# Numbers whose upper limit is not allowed itself.
BELOW_LIMIT = ("crop", "cutout")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the options of training and fine-tuning."""
    for rule in RULES:
        yield from rule(recipe)


def _check_options_of_train(recipe: Recipe) -> Iterator[Problem]:
    for key, problem in _check_options(recipe.train, recipe.train.epochs):
        yield f"train.{key}", problem


def _check_options_of_fine_tune(recipe: Recipe) -> Iterator[Problem]:
    fine_tune = recipe.prune.fine_tune
    if fine_tune is None:
        return
    # Every step of pruning has its own warm-up.
    steps = max(recipe.prune.steps or 1, 1)
    epochs_per_step = fine_tune.epochs // steps
    for key, problem in _check_options(fine_tune, epochs_per_step):
        yield f"prune.fine_tune.{key}", problem
    if fine_tune.layers != ["*"]:
        yield "prune.fine_tune.layers", "expected ['*']: pruned models are fine-tuned in all layers"


def _check_epochs(recipe: Recipe) -> Iterator[Problem]:
    epochs, imported = recipe.train.epochs, recipe.model.imported
    if not epochs and imported is None:
        yield "train.epochs", f"{epochs}; expected 1 or more"
    if imported is not None and imported.head is Head.new and epochs < 1:
        yield "train.epochs", "0; a new head expects 1 or more: its weights are random"


def _check_train(recipe: Recipe) -> Iterator[Problem]:
    train = recipe.train
    if train.epochs < 0:
        yield "train.epochs", f"{train.epochs}; expected 1 or more"
    for name in ("batch_size", "threads"):
        number = getattr(train, name)
        if number < 1:
            yield f"train.{name}", f"{number}; expected 1 or more"
    if train.epochs and not 0 < train.learning_rate <= 1:
        yield "train.learning_rate", f"{train.learning_rate:g}; expected more than 0 and at most 1"


def _check_options(train: Train, epochs: int) -> Iterator[Problem]:
    if epochs > 0 and not 0 <= train.warmup_epochs < epochs:
        expected = f"expected 0, or fewer than the {epochs} of epochs"
        yield "warmup_epochs", f"{train.warmup_epochs}; {expected}"
    if not train.layers:
        yield "layers", "empty; expected patterns of names of layers, '*' for all"
    early_stopping = train.early_stopping
    if early_stopping is not None and early_stopping.patience < 1:
        yield "early_stopping.patience", f"{early_stopping.patience}; expected 1 or more"
    if train.augment is not None:
        for key, problem in _check_augment(train.augment):
            yield f"augment.{key}", problem


def _check_augment(augment: Augment) -> Iterator[Problem]:
    for name, limit in UPPER_LIMITS.items():
        value = getattr(augment, name)
        if value is None:
            continue
        is_open_above = name in BELOW_LIMIT
        interval = Interval(0, limit, is_open_below=True, is_open_above=is_open_above)
        if value not in interval:
            yield name, f"{value:g}; expected {interval}, or null"


RULES = (_check_train, _check_epochs, _check_options_of_train, _check_options_of_fine_tune)

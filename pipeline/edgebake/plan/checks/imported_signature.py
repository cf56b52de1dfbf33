"""Check that an imported model takes the images and predicts the classes that its recipe names.

`train` checks it once more, on the loaded model; this says it before a build begins, from what the
file states.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgebake import plugins
from edgebake.data.readers import labels
from edgebake.errors import EdgebakeError, RecipeError
from edgebake.models.importers.signature_check import ModelSignature, signature_problem
from edgebake.models.inspection.model_info import ModelInfo
from edgebake.plan.checks import data_code
from edgebake.plan.checks import model as model_checks
from edgebake.plan.compose import Target, origins
from edgebake.recipe import Data, Head, Recipe
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract
from edgebake.tasks.options import ContractOptions


def check_targets(targets: Sequence[Target]) -> None:
    """Refuse imported models whose shapes differ from their recipes.

    Shapes that the file does not state, and classes that only code or an absent dataset knows, are
    left to `train`.

    Raises:
        RecipeError: names the file of the recipe, the model, every difference, and the key that
            sets it.
    """
    for target in targets:
        problem = find_problem(target.recipe)
        if problem:
            file = origins(target.name)[model_checks.FILE_KEY]
            raise RecipeError(f"{file}: {model_checks.FILE_KEY}: {problem}")


def find_problem(recipe: Recipe) -> str:
    """Return how an imported model differs from its recipe; empty if it does not, or is none."""
    imported = recipe.model.imported
    if imported is None or not Path(imported.file).exists():
        return ""
    info = model_checks.inspect(Path(imported.file))
    classes = _read_classes(recipe.data)
    expected = contract.from_recipe(
        ContractOptions(recipe.data, recipe.model, recipe.task), classes or []
    )
    signature = _signature(info, expected)
    if classes is None or info.classes is None or imported.head is Head.new:
        signature = replace(signature, classes=len(expected.labels))
    problem = signature_problem(signature, expected, info.has_layers)
    return f"{imported.file}: {problem}" if problem else ""


def _signature(info: ModelInfo, expected: Contract) -> ModelSignature:
    """Return the shapes that a file states; where it does not, those of the recipe."""
    height, width, channels = info.image
    return ModelSignature(height, width, channels or expected.image.channels, info.classes or 0)


def _read_classes(data: Data) -> list[str] | None:
    """Return the classes of a dataset; None if it cannot be read now."""
    try:
        if data.labels:
            return labels.read_labels_file(data)
        source = plugins.load("data.source", data.source)
        if data_code.is_withheld(data) or not getattr(source, "LISTS_LABELS", False):
            return None
        classes: list[str] = source.load(data).classes
    except EdgebakeError:
        return None  # the checks of `data` have refused it, or DVC has not fetched it
    return classes

"""Check that train and test hold every class, where the labels are known without an image.

The stage `data` checks it for every source, before it decodes; this says it before a build begins.
"""

from collections.abc import Sequence

from edgebake import plugins
from edgebake.data import class_coverage, example_names
from edgebake.data.dataset import assign_splits
from edgebake.errors import EdgebakeError, RecipeError
from edgebake.plan.checks import data_code
from edgebake.plan.compose import Target, origins
from edgebake.recipe import Data

KEY = "data.splits"


def check_targets(targets: Sequence[Target]) -> None:
    """Refuse datasets whose splits lack a class or cannot be drawn by group.

    Left out are sources that do not say that they list labels (`LISTS_LABELS`), code that is not
    run, and data that DVC has not fetched.

    Raises:
        RecipeError: names the file of the recipe, the classes and what was expected.
    """
    checked = set()
    for target in targets:
        data = target.recipe.data
        if repr(data) in checked:
            continue
        checked.add(repr(data))
        problem = find_problem(data)
        if problem:
            file = origins(target.name)["data.splits.by"]
            key = "" if problem.startswith("data.") else f"{KEY}: "
            raise RecipeError(f"{file}: {key}{problem}")


def find_problem(data: Data) -> str:
    """Return which classes train or test lacks, and what was expected; empty if none."""
    source = plugins.load("data.source", data.source)
    if data_code.is_withheld(data) or not getattr(source, "LISTS_LABELS", False):
        return ""
    if data.path is not None and not data.location.exists():
        return ""
    try:
        examples = example_names.share(source.load(data), data)
        splits = assign_splits(examples, data)
        class_coverage.count(examples, splits).check(data)
    except EdgebakeError as error:
        return str(error)
    return ""

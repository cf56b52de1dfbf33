"""`edgebake check`: compose every target and check its recipe, released or not."""

import argparse

from rich.console import Console

from edgebake.cli.verbs import Example, Verb


def _run(_: argparse.Namespace, console: Console) -> int:
    from edgebake.plan import candidates, compose, planner, unused_options
    from edgebake.plan.checks import classes, data_code, imported_signature, provable
    from edgebake.recipe import files

    planner.check_release()
    targets = files.targets()
    composed = compose.compose_targets(targets)
    candidates.expand_all(composed)
    classes.check_targets(composed)
    imported_signature.check_targets(composed)
    provable.check_targets(composed)
    unused_options.check_all()
    datasets = [target.recipe.data for target in composed]
    code = {str(data.location) for data in datasets if data_code.runs_code(data)}
    for path in sorted(code):
        note = "code, not run; `edgebake plan` runs it and checks its examples"
        console.print(f"{path}: {note}", markup=False)
    console.print(f"{len(targets)} targets are sound: {' '.join(targets)}")
    return 0


VERB = Verb(
    name="check",
    run=_run,
    summary="check the recipe of every target, released or not",
    description=(
        "Compose the release and every target of recipes/target/, and check keys, types, what must "
        "hold between fields, the fallback order and the licenses of the release, classes that "
        "train or test lacks, input and output of imported models, and gates that no test split of "
        "this size can prove. Of options that no target picks, keys, types and ranges are checked. "
        "Stops at the first error and names its file, key and value. Builds and writes nothing, "
        "and runs no code of datasets (`data.source: python`)."
    ),
    examples=(Example("edgebake check", "check all recipes after an edit"),),
)

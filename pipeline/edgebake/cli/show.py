"""`edgebake show`: a target's composed recipe, with the file that each value comes from."""

import argparse

from rich.console import Console

from edgebake.cli.verbs import Example, Verb, add_target_and_overrides


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.plan import compose
    from edgebake.report import recipe

    composed = compose.compose_targets([arguments.target], arguments.overrides)[0]
    origins = compose.origins(arguments.target, arguments.overrides)
    console.print(recipe.text(composed.recipe, origins), markup=False)
    return 0


VERB = Verb(
    name="show",
    run=_run,
    summary="print a target's recipe and the file that each value comes from",
    description=(
        "Compose one target and print its whole recipe as YAML. A comment after each value names "
        "the file that sets it. Overrides are applied first; nothing is written."
    ),
    examples=(
        Example("edgebake show pixel_8", "print the composed recipe"),
        Example(
            "edgebake show pixel_8 train.epochs=3 quantize=dynamic",
            "print it with another value and another option",
        ),
    ),
    add_options=add_target_and_overrides,
)

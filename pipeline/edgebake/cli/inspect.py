"""`edgebake inspect`: describe a model file, and print recipes to start from."""

import argparse
from pathlib import Path

from rich.console import Console

from edgebake.cli.verbs import Example, Verb


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a .keras, .h5, .onnx or .tflite file, or the folder of a SavedModel",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.cli.init import recipe_yaml
    from edgebake.models.inspection import limited, usability
    from edgebake.report import model_file

    path = arguments.file
    model_info = limited.inspect_file(path)
    report = model_file.lines(model_info, str(path))
    if usability.refusal(model_info) or model_file.may_take_spectra(model_info):
        for line in report:
            console.print(line, markup=False)
        return 0
    name = recipe_yaml.recipe_name(path)
    recipes = recipe_yaml.recipes_to_start_from(model_info, path.as_posix(), name)
    for line in [*report, "", *recipes]:
        console.print(line, markup=False)
    return 0


VERB = Verb(
    name="inspect",
    run=_run,
    summary="describe a trained model's file, and print recipes to start from",
    description=(
        "Read what a model file says about its inputs, outputs, layers, image preprocessing and "
        "labels, and list what it does not say. Prints recipes to start from, in which `# ?` marks "
        "each value to decide. No code of the file is run."
    ),
    examples=(Example("edgebake inspect models/mine.h5", "describe a Keras model"),),
    add_options=_add_options,
    needs_project=False,
)

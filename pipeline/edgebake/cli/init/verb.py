"""`edgebake init`: write a target, and recipes of your own data and model, from a few answers."""

import argparse

from rich.console import Console

from edgebake.cli.verbs import Example, Verb


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the new target: letters, digits and _")
    parser.add_argument("--device", metavar="OPTION", help="an option of recipes/device/")
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="a folder of images or sounds, .npz, .tfrecord, .csv, .parquet or .py, a dataset of "
        "Keras, or an option of recipes/data/",
    )
    parser.add_argument(
        "--model", metavar="MODEL", help="a model file, or an option of recipes/model/"
    )
    _add_group_options(parser)
    _add_model_options(parser)
    _add_pixel_options(parser)
    _add_resize_options(parser)
    _add_signal_options(parser)
    for owner, subject in (("data", "the data"), ("model", "the model")):
        group = parser.add_argument_group(f"origin of {subject}, for the license check")
        group.add_argument(f"--{owner}-name", metavar="TEXT", help=f"name of {subject}")
        group.add_argument(f"--{owner}-author", metavar="TEXT", help=f"author of {subject}")
        group.add_argument(f"--{owner}-license", metavar="SPDX", help="an SPDX identifier")
        group.add_argument(f"--{owner}-source", metavar="TEXT", help="a URL, or a file")
    _add_release_options(parser)


def _add_release_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the model card, in recipes/release.yaml if it still has the example's texts; "
        "default: not stated"
    )
    group.add_argument("--release-name", metavar="TEXT", help="name of the model; default: NAME")
    group.add_argument("--description", metavar="TEXT", help="the model in one sentence")
    group.add_argument(
        "--intended-use", action="append", metavar="TEXT", help="what it is for; repeatable"
    )
    group.add_argument(
        "--limit", action="append", dest="limits", metavar="TEXT", help="a limit; repeatable"
    )
    group.add_argument("--author", metavar="TEXT", help="author of the release")
    group.add_argument(
        "--license", metavar="SPDX", help="license of the release; default: --model-license"
    )
    group.add_argument("--contact", metavar="TEXT", help="where to ask about the model")


def _add_group_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("options of other recipe groups; default: what fits")
    group.add_argument(
        "--quantize", metavar="OPTION", help="an option of recipes/quantize/, for example int8"
    )
    group.add_argument(
        "--convert", metavar="OPTION", help="an option of recipes/convert/, for example litert"
    )
    group.add_argument(
        "--train", metavar="OPTION", help="an option of recipes/train/: none, fine_tune or scratch"
    )


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the model; default: what its file says")
    group.add_argument(
        "--output", choices=("probabilities", "logits"), help="the output of the last layer"
    )
    group.add_argument(
        "--head",
        choices=("keep", "new"),
        help="new: replace the last layer by one with your classes, to be trained",
    )
    group.add_argument(
        "--allow-code",
        action="store_true",
        help="allow Lambda layers, code of the model, to run; for trusted files only",
    )
    group.add_argument(
        "--labels", metavar="FILE", help="a class per line, in the order of the model's outputs"
    )
    group.add_argument(
        "--resolution",
        type=int,
        metavar="PIXELS",
        help="height and width of the input, for a model that takes any",
    )


def _add_pixel_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("image preprocessing: input = (pixel - mean) * scale")
    group.add_argument(
        "--color",
        choices=("grayscale", "rgb", "bgr"),
        help="channels of the input; default: what the model's file says, or rgb",
    )
    group.add_argument(
        "--mean",
        type=float,
        nargs="+",
        metavar="NUMBER",
        help="in pixel values, 0 to 255; one number, or one per channel",
    )
    group.add_argument(
        "--scale", type=float, nargs="+", metavar="NUMBER", help="one number, or one per channel"
    )


def _add_resize_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "resize of images in the training of the model; see docs/guides/bring_your_own.md"
    )
    group.add_argument(
        "--antialias",
        action=argparse.BooleanOptionalAction,
        help="with: Pillow, torchvision; without: the default of TensorFlow and Keras",
    )
    group.add_argument(
        "--resize",
        choices=("nearest", "bilinear", "bicubic"),
        help="interpolation filter; default: bilinear",
    )
    group.add_argument(
        "--crop",
        choices=("none", "center"),
        help="the region that the model sees; default: none, with --short-side center",
    )
    group.add_argument(
        "--short-side",
        type=int,
        metavar="PIXELS",
        help="resize the shorter side to this, then crop the center: torchvision's Resize(256)",
    )


def _add_signal_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("windows of a signal in a table")
    group.add_argument("--rate", type=float, metavar="HZ", help="rows of the table in a second")
    group.add_argument(
        "--units", nargs="+", metavar="UNIT", help="of each channel, in the order of the columns"
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.cli.init.answers import Answers
    from edgebake.cli.init.wizard import write_recipes

    options = {key: value for key, value in vars(arguments).items() if key != "verb"}
    for line in write_recipes(Answers(**options), console):
        console.print(line, markup=False)
    return 0


VERB = Verb(
    name="init",
    run=_run,
    summary="write a target, and recipes of your own data and model",
    description=(
        "Write recipes/target/<name>.yaml, and recipes for data and a model that are given as "
        "files, and compose the target once to check it. What no option and no file says is asked "
        "for on a terminal, and is an error elsewhere. Existing files are never overwritten. "
        "Prints the next steps."
    ),
    examples=(
        Example("edgebake init my_phone", "answer questions on the terminal"),
        Example(
            "edgebake init my_phone --device android_any --data data/images --model models/mine.h5 "
            "--mean 127.5 --scale 0.00784313725490196",
            "import a model and a folder of images",
        ),
        Example(
            "edgebake init my_iphone --device ios_any --data my_phone --model my_phone",
            "write another target with the same data and model",
        ),
    ),
    add_options=_add_options,
)

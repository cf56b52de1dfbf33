"""The verbs; the only place that reads argv."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from edgebake import plugins
from edgebake.errors import EdgebakeError

STAGES = ("data", "train", "prune", "quantize", "convert", "validate", "package")

Verb = Callable[[argparse.Namespace, Console], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code: 0 done, 1 for the user to mend, 2 wrong usage, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    console = Console(highlight=False, soft_wrap=True)
    try:
        verb: Verb = arguments.verb
        if verb not in (_inspect, _keygen, _verify):  # which need nothing of a project
            _refuse_other_folder()
        return verb(arguments, console)
    except EdgebakeError as error:
        return _refused(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    except OSError as error:
        sys.stderr.write(
            f"edgebake: {error.filename or 'output'}: {error.strerror}; expected it to be readable and writable\n"
        )
        return 1
    except Exception as error:
        blamed = plugins.blame(error)
        if blamed is None:
            raise
        return _refused(blamed)


def _refused(error: EdgebakeError) -> int:
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"edgebake: {error}", markup=False, style="red"
    )
    return 1


def _refuse_other_folder() -> None:
    if not Path("recipes/release.yaml").is_file():
        raise EdgebakeError(
            f"{Path.cwd()}: no recipes/release.yaml; expected to be run in the project's top folder"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgebake", description="Build gated model bundles from YAML recipes."
    )
    parser.add_argument("--version", action="version", version=f"edgebake {version('edgebake')}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    build = _verb(verbs, "build", _build, "plan, run `dvc repro` and show the table")
    build.add_argument(
        "--keep-going", action="store_true", help="build what does not depend on a failed stage"
    )
    plan = _verb(verbs, "plan", _plan, "write params.yaml from recipes/")
    how = plan.add_mutually_exclusive_group()
    how.add_argument(
        "--check", action="store_true", help="write nothing; fail where params.yaml is stale"
    )
    how.add_argument(
        "--in-repro",
        action="store_true",
        help="fail where DVC has to read the plan again (for dvc.yaml)",
    )
    _verb(verbs, "list", _list, "list the targets and the options of every group")
    inspect = _verb(
        verbs,
        "inspect",
        _inspect,
        "show what is in a model that somebody trained, and a recipe for it",
    )
    inspect.add_argument(
        "file", type=Path, help="a .keras, .h5, .onnx or .tflite, or the folder of a SavedModel"
    )
    _add_init(verbs)
    show = _verb(verbs, "show", _show, "show a target's recipe and where each value comes from")
    show.add_argument("target")
    show.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="as in Hydra: train.epochs=3 quantize=dynamic",
    )
    costs = _verb(verbs, "sensitivity", _sensitivity, "show what int8 would cost, layer by layer")
    costs.add_argument("target")
    costs.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for show")
    gate = _verb(verbs, "gate", _gate, "decide a target's gates again from what was measured")
    gate.add_argument("target")
    gate.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="as for show: validate.budget.accuracy_drop.at_most=0.01",
    )
    _add_keygen(verbs)
    _add_verify(verbs)
    _verb(verbs, "check", _check, "check every target, released or not")
    _verb(verbs, "table", _table, "show what is built and how good it is")
    _verb(verbs, "parity", _parity, "compare the files of one model across runtimes (for dvc.yaml)")
    _verb(
        verbs, "sign", _sign, "prove where a platform's bundle is from (for dvc.yaml)"
    ).add_argument("platform")
    _verb(verbs, "revision", _revision, "write the commit's hash (for dvc.yaml)")
    for stage in STAGES:
        _verb(verbs, stage, _stage, f"run {stage} for one variant (for dvc.yaml)").add_argument(
            "variant"
        )
        verbs.choices[stage].set_defaults(stage=stage)
    return parser


def _add_init(verbs: Any) -> None:
    init = _verb(
        verbs,
        "init",
        _init,
        "write a target, and recipes of your own data and model, from a few answers",
    )
    init.add_argument("name", help="of the target: letters, digits and _")
    init.add_argument("--device", help="an option of recipes/device/; asked for on a terminal")
    init.add_argument(
        "--data",
        help="a folder, .npz, .tfrecord or .py, a set of Keras, or an option of recipes/data/",
    )
    init.add_argument("--model", help="a file of a trained model, or an option of recipes/model/")
    for word, option in {
        "quantize": "int8",
        "convert": "litert",
        "train": "none, fine_tune or scratch",
    }.items():
        init.add_argument(
            f"--{word}", metavar="OPTION", help=f"of recipes/{word}/, {option}; else what fits"
        )
    init.add_argument(
        "--colour",
        choices=("grey", "rgb", "bgr"),
        help="what the model sees; else rgb, or as it says",
    )
    for word, unit in {
        "mean": "in pixel values, 0 to 255",
        "scale": "the model sees (pixel - mean) * scale",
    }.items():
        init.add_argument(
            f"--{word}",
            type=float,
            nargs="+",
            metavar="NUMBER",
            help=f"{unit}; one, or one per channel",
        )
    init.add_argument(
        "--output",
        choices=("probabilities", "logits"),
        help="of the model; else as its last layer says",
    )
    init.add_argument(
        "--head", choices=("keep", "new"), help="of the model; new: for your classes, and trained"
    )
    init.add_argument("--trust", action="store_true", help="let Lambda layers of the model run")
    init.add_argument(
        "--labels", metavar="FILE", help="a class per line, in the order of the model's answers"
    )
    init.add_argument(
        "--resolution", type=int, metavar="PIXELS", help="a side, where the model takes any"
    )
    for word in ("name", "author", "license", "source"):
        init.add_argument(f"--data-{word}", metavar="TEXT", help="of whoever made the data")
        init.add_argument(f"--model-{word}", metavar="TEXT", help="of whoever trained the model")


def _add_keygen(verbs: Any) -> None:
    keygen = _verb(
        verbs, "keygen", _keygen, "make a key to sign bundles with, or one to encrypt them with"
    )
    keygen.add_argument(
        "file", type=Path, help="where the private key goes; its public half lies beside it"
    )
    keygen.add_argument(
        "--encryption",
        action="store_true",
        help="a key for `protect: encrypt`; it has no public half",
    )


def _add_verify(verbs: Any) -> None:
    verify = _verb(
        verbs,
        "verify",
        _verify,
        "hold a bundle against its manifest, SBOM, signature and provenance",
    )
    verify.add_argument("bundle", type=Path, help="a zip, or the same as a folder")
    who = verify.add_mutually_exclusive_group()
    who.add_argument(
        "--key", type=Path, metavar="FILE", help="the public key of who should have signed it"
    )
    who.add_argument(
        "--unsigned", action="store_true", help="accept a bundle that says that it is unsigned"
    )
    verify.add_argument(
        "--proof",
        type=Path,
        metavar="FOLDER",
        help="signature and provenance; else beside the bundle",
    )
    verify.add_argument(
        "--rebuild", action="store_true", help="build its commit again and compare every byte"
    )


def _verb(verbs: Any, name: str, function: Verb, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=summary)
    parser.set_defaults(verb=function)
    return parser


# Each verb imports what it needs itself, so that `edgebake --help` is there at once.


def _build(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.cli import table
    from edgebake.execution import local

    code = local.build(console, arguments.keep_going)
    if code:
        console.print(
            "the build failed: where a stage did not run, the table shows what an earlier build left"
        )
    table.show(console)
    return code


def _plan(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.execution import retries
    from edgebake.plan import code_digest, planner
    from edgebake.recipe import stage_params

    if arguments.check:
        planner.check()
        console.print("params.yaml is what recipes/ say")
        return 0
    found = planner.update(in_repro=arguments.in_repro)
    if arguments.in_repro:
        retries.count(stage_params.read_plan()["validate"])
    code_changes = code_digest.write(stage_params.read_plan())
    for change in [*found, *code_changes]:
        console.print(str(change), markup=False)
    console.print(
        f"params.yaml: {len(found)} changes" if found else "params.yaml: nothing to change"
    )
    return 0


def _list(_: argparse.Namespace, console: Console) -> int:
    from edgebake.cli import listing

    listing.show(console)
    return 0


def _show(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.plan import compose
    from edgebake.report import recipe

    composed = compose.compose_targets([arguments.target], arguments.overrides)[0]
    origins = compose.origins(arguments.target, arguments.overrides)
    console.print(recipe.text(composed.recipe, origins), markup=False)
    return 0


def _inspect(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.cli.init import recipe_yaml
    from edgebake.models.inspection import file
    from edgebake.report import model_file

    path = arguments.file
    found = file.inspect_file(path)
    for line in [
        *model_file.lines(found, str(path)),
        "",
        *recipe_yaml.start(found, path.as_posix(), recipe_yaml.name_of(path)),
    ]:
        console.print(line, markup=False)
    return 0


def _init(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.cli.init import wizard

    given = {word: value for word, value in vars(arguments).items() if word != "verb"}
    for line in wizard.begin(given, console):
        console.print(line, markup=False)
    return 0


def _sensitivity(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.cli import sensitivity

    sensitivity.sensitivity(arguments.target, arguments.overrides, console)
    return 0


def _gate(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.cli import gate

    return 0 if gate.gate(arguments.target, arguments.overrides, console) else 1


def _keygen(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.cli import keygen

    for line in keygen.keygen(arguments.file, arguments.encryption):
        console.print(line, markup=False)
    return 0


def _verify(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.cli import verify

    words = ("bundle", "proof", "unsigned", "rebuild")
    asked = verify.Asked(
        **{word: getattr(arguments, word) for word in words}, public_key=arguments.key
    )
    verify.verify(asked, console)
    return 0


def _check(_: argparse.Namespace, console: Console) -> int:
    from edgebake.plan import compose
    from edgebake.recipe import files

    compose.compose_release()
    targets = files.targets()
    compose.compose_targets(targets)
    console.print(f"{len(targets)} targets are sound: {' '.join(targets)}")
    return 0


def _table(_: argparse.Namespace, console: Console) -> int:
    from edgebake.cli import table

    table.show(console)
    return 0


def _parity(_: argparse.Namespace, console: Console) -> int:
    from edgebake.stages import parity

    console.print(f"parity: {parity.write()}")
    return 0


def _sign(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.stages import sign

    console.print(f"sign {arguments.platform}: {sign.write(arguments.platform)}")
    return 0


def _revision(_: argparse.Namespace, console: Console) -> int:
    from edgebake.stages import revision

    console.print(f"revision: {revision.write()}")
    return 0


def _stage(arguments: argparse.Namespace, _: Console) -> int:
    from edgebake.execution import runner

    runner.run(arguments.stage, arguments.variant)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The verbs that dvc.yaml calls, one per stage.

A stage runs models, plugins and code of the project's data, so it is told no key that it does not
need.
"""

import argparse

from rich.console import Console

from edgebake.cli.verbs import Example, Verb


def _add_variant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("variant", metavar="VARIANT", help="a key of the stage in params.yaml")


def _add_platform(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("platform", metavar="PLATFORM", help="android, ios or linux")


def _run_stage(arguments: argparse.Namespace, _: Console) -> int:
    from edgebake.execution import runner
    from edgebake.recipe import key_variables
    from edgebake.recipe.stage_params import read_plan

    key_variables.withhold(read_plan(), arguments.verb.name)
    runner.run(arguments.verb.name, arguments.variant)
    return 0


def _run_parity(_: argparse.Namespace, console: Console) -> int:
    from edgebake.machine import turns
    from edgebake.stages import parity

    with turns.working():
        line = parity.write()
    console.print(f"parity: {line}")
    return 0


def _run_proof(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.machine import turns
    from edgebake.stages import proof

    with turns.working():
        line = proof.write(arguments.platform)
    console.print(f"proof {arguments.platform}: {line}")
    return 0


def _run_revision(_: argparse.Namespace, console: Console) -> int:
    from edgebake.stages import revision

    console.print(f"revision: {revision.write()}")
    return 0


def _stage(name: str, variant: str, summary: str, files: str) -> Verb:
    """Return the verb of a stage that runs once per variant; `variant` is one of the example."""
    return Verb(
        name=name,
        run=_run_stage,
        summary=summary,
        description=(
            f"Run the stage {name} for a variant of params.yaml. {files} "
            "`dvc repro` calls it when a dependency changed; by hand, it runs in any case."
        ),
        examples=(Example(f"edgebake {name} {variant}", "run the stage for a variant"),),
        add_options=_add_variant,
    )


VERBS = (
    _stage(
        "data",
        "digits",
        "decode the examples of a dataset and assign them to splits",
        "Reads the data source; writes the table of examples and their splits.",
    ),
    _stage(
        "train",
        "digits-ds_cnn",
        "train a model, or import one",
        "Reads the training and validation splits; writes the float model and its history.",
    ),
    _stage(
        "prune",
        "digits-ds_cnn",
        "prune a model and fine-tune it",
        "Reads the trained model; writes the pruned model and its costs.",
    ),
    _stage(
        "baseline",
        "digits-ds_cnn-channels-from_scratch",
        "train a model that a pruned one is compared with",
        "Reads the trained or pruned model; writes the accuracy that `edgebake table` prints.",
    ),
    _stage(
        "quantize",
        "digits-ds_cnn-int8",
        "calibrate a model and choose its quantization",
        "Reads the pruned model; writes weights and activation ranges for every runtime.",
    ),
    _stage(
        "convert",
        "digits-ds_cnn-int8-litert",
        "convert a model to the file of one runtime",
        "Reads the quantized model; writes the converted file and the list of its operators.",
    ),
    _stage(
        "validate",
        "digits-ds_cnn-int8-litert-android",
        "measure a converted file in its own runtime",
        "Reads the converted file and the test split; writes accuracy, size and latency.",
    ),
    Verb(
        name="parity",
        run=_run_parity,
        summary="compare the predictions of one model across runtimes",
        description=(
            "Compare, on the test split, the predictions of files that were converted from one "
            "model for different runtimes. Writes artifacts/parity/<platform>.json."
        ),
        examples=(Example("edgebake parity", "compare the files of every platform"),),
    ),
    _stage(
        "package",
        "android",
        "check the gates of a platform's targets and write its bundle",
        "Reads the measurements of a platform's targets; writes the bundle if all gates pass.",
    ),
    Verb(
        name="proof",
        run=_run_proof,
        summary="write the provenance of a bundle",
        description=(
            "Record the commit, data and tools that a platform's bundle was built from. Writes "
            "artifacts/package/<platform>.proof/, unsigned: `edgebake release` signs."
        ),
        examples=(Example("edgebake proof android", "write the proof of one bundle"),),
        add_options=_add_platform,
    ),
    Verb(
        name="revision",
        run=_run_revision,
        summary="write the commit that bundles are built from",
        description=(
            "Write the hash of the commit to artifacts/revision/<platform>.json, and whether files "
            "that the bundle is built from differ from that commit."
        ),
        examples=(Example("edgebake revision", "write it for every platform"),),
    ),
)
STAGES = tuple(verb.name for verb in VERBS if verb.run is _run_stage)

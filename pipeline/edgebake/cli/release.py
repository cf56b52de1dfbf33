"""`edgebake release`: build every bundle from the commit alone, then sign."""

import argparse

from rich.console import Console

from edgebake.cli.verbs import Example, Verb

BUILD = "build"
SIGN = "sign"


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        choices=(BUILD, SIGN),
        help="one of the two steps, for machines on which either the code or the key is",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.bundle.trust import git
    from edgebake.execution import release

    if arguments.only != SIGN:
        if git.changed("."):
            console.print("uncommitted changes are not part of the release", markup=False)
        console.print(f"release: {release.build()}", markup=False)
    if arguments.only != BUILD:
        console.print(f"release: {release.sign()}", markup=False)
    return 0


VERB = Verb(
    name="release",
    run=_run,
    summary="build the bundles from the commit alone, and sign them",
    description=(
        "Clone the commit that is checked out into a temporary folder, build every bundle there "
        "without results of earlier builds, write them to artifacts/release/, and sign them if "
        "recipes/release.yaml names a key. The build gets no signing key, and reads neither "
        "DVC's run cache nor a remote; data that .dvc files name come from DVC's cache if their "
        "bytes have the hash."
    ),
    examples=(
        Example("edgebake release", "build and sign"),
        Example("edgebake release --only build", "build, on a machine without the key"),
        Example("edgebake release --only sign", "sign what was built, without running it"),
    ),
    add_options=_add_options,
)

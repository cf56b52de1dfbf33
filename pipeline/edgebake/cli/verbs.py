"""Description of a verb of the command line, and the options that several verbs share."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

Run = Callable[[argparse.Namespace, Console], int]


@dataclass(frozen=True)
class Example:
    """A call of a verb as a user types it, and what it is for."""

    command: str
    purpose: str


@dataclass(frozen=True)
class Verb:
    """One verb: its texts, its options and the function that runs it.

    A module that defines a verb imports libraries inside functions, so that `edgebake --help`
    waits for none of them.
    """

    name: str
    run: Run  # returns the exit code
    summary: str  # one line of `edgebake --help`
    description: str  # the paragraph of `edgebake VERB --help`
    examples: tuple[Example, ...]
    add_options: Callable[[argparse.ArgumentParser], None] | None = None
    needs_project: bool = True  # whether it runs in a project's top folder only


@dataclass(frozen=True)
class Group:
    """Verbs that stand under one title in `edgebake --help`."""

    title: str
    verbs: tuple[Verb, ...]


def add_target_and_overrides(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of verbs that compose one target."""
    parser.add_argument("target", metavar="TARGET", help="a file name of recipes/target/")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="a value or an option to replace, in Hydra's syntax: train.epochs=3 quantize=dynamic",
    )


def count(text: str) -> int:
    """Parse a number of at least 1, the type of an argument."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number of at least 1")
    return int(text)

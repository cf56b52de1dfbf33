"""The command line: all verbs, their parser and the exit codes; the only module that reads argv."""

import argparse
import os
import sys
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

from edgebake import artifacts, plugins
from edgebake.cli import (
    build,
    check,
    gate,
    inspect,
    interruption,
    keygen,
    plan,
    release,
    sensitivity,
    show,
    stages,
    table,
    verify,
    worker,
)
from edgebake.cli import list as list_options
from edgebake.cli.init import verb as init
from edgebake.cli.verbs import Group, Verb
from edgebake.errors import EdgebakeError, RenamedFieldWarning
from edgebake.execution import parent_watch
from edgebake.terminal.console import (
    ArgumentParser,
    Terminal,
    accept_all_characters,
    escape,
    write_line,
)
from edgebake.terminal.printable import printable

GROUPS = (
    Group(
        "build and look",
        (
            build.VERB,
            worker.VERB,
            plan.VERB,
            check.VERB,
            list_options.VERB,
            show.VERB,
            table.VERB,
            gate.VERB,
            sensitivity.VERB,
        ),
    ),
    Group("bring your own", (inspect.VERB, init.VERB)),
    Group("release", (keygen.VERB, release.VERB, verify.VERB)),
    Group("used by dvc.yaml", stages.VERBS),
)
DVC_STAGE = "DVC_STAGE"  # a variable that DVC sets for the commands of dvc.yaml
WIDTH = 88  # of the texts of `--help`, in characters


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code.

    0: done; 1: an error that the user can correct, on stderr; 2: wrong usage; 129, 130, 143:
    stopped by SIGHUP, SIGINT (Ctrl-C), SIGTERM.
    """
    accept_all_characters()
    arguments = parser().parse_args(argv)
    with warnings.catch_warnings():
        warnings.simplefilter("once", RenamedFieldWarning)
        warnings.showwarning = _print_warning
        try:
            with interruption.raise_on_signals():
                return _run(arguments)
        except (interruption.Stopped, KeyboardInterrupt) as reason:
            stopped = interruption.stopped_by(reason)
            write_line(f"edgebake: stopped by {stopped.signal.name}")
            return stopped.exit_code


def _run(arguments: argparse.Namespace) -> int:
    console = Terminal()
    verb: Verb = arguments.verb
    if DVC_STAGE in os.environ:
        parent_watch.start(parent_watch.end_process)
    try:
        if verb.needs_project:
            _refuse_other_folder()
        return verb.run(arguments, console)
    except EdgebakeError as error:
        return _print_error(error)
    except BrokenPipeError:
        return 1
    except OSError as error:
        trouble = artifacts.disk_trouble(error, Path("output"))
        write_line(f"edgebake: {printable(trouble)}")
        return 1
    except Exception as error:
        plugin_error = plugins.error_in_plugin(error)
        if plugin_error is None:
            raise
        return _print_error(plugin_error)


def parser() -> argparse.ArgumentParser:
    """Build the parser of all verbs; GROUPS has their order and titles."""
    top = ArgumentParser(
        prog="edgebake",
        usage="edgebake [-h] [--version] VERB ...",
        description="Build gated model bundles from YAML recipes.",
        epilog=_verb_list(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"edgebake {version('edgebake')}")
    verbs = top.add_subparsers(
        prog="edgebake", required=True, metavar="VERB", help=argparse.SUPPRESS
    )
    for group in GROUPS:
        for verb in group.verbs:
            verb_parser = verbs.add_parser(
                verb.name,
                description=textwrap.fill(verb.description, WIDTH),
                epilog="\n".join(_example_list(verb)),
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            verb_parser.set_defaults(verb=verb)
            if verb.add_options is not None:
                verb.add_options(verb_parser)
    return top


def _verb_list() -> str:
    """Return the part of `edgebake --help` that lists the verbs by group."""
    lines = []
    for group in GROUPS:
        lines.append(f"{group.title}:")
        lines += [f"  {verb.name:12} {verb.summary}" for verb in group.verbs]
        lines.append("")
    return "\n".join([*lines, "`edgebake VERB --help` has the options and examples of a verb."])


def _example_list(verb: Verb) -> Iterator[str]:
    yield "examples:"
    for example in verb.examples:
        yield f"  # {example.purpose}"
        yield f"  {example.command}"


def _print_warning(  # noqa: PLR0913, PLR0917 - the signature is that of warnings.showwarning
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a renamed field in the form of an error message, other warnings as Python does."""
    text = f"edgebake: {message}\n"
    if not issubclass(category, RenamedFieldWarning):
        text = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(escape(text))


def _print_error(error: EdgebakeError) -> int:
    console = Terminal(stderr=True)
    console.print(f"edgebake: {error}", style="red")
    return 1


def _refuse_other_folder() -> None:
    if not Path("recipes/release.yaml").is_file():
        raise EdgebakeError(
            f"{Path.cwd()}: no recipes/release.yaml; expected to be run in the project's top folder"
        )

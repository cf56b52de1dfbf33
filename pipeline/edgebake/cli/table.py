"""`edgebake table`: the state of the release: what is built, how good it is, where it is.

Reads params.yaml, dvc.lock, and of artifacts/ validate/, prune/, baseline/ and package/. Writes
nothing.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypedDict

from rich.console import Console
from rich.table import Table

from edgebake import artifacts
from edgebake.bundle.manifest_types import SignatureEntry
from edgebake.cli import pruned_variants, table_notes
from edgebake.cli.verbs import Example, Verb
from edgebake.errors import PlanError
from edgebake.measurement import Measurement

if TYPE_CHECKING:
    from edgebake.evaluation.gates.judge import Judgment
    from edgebake.plan.earlier_build import BuildRecord
    from edgebake.recipe.stage_params import Plan, TargetParams

NOTE = (
    "{score}: {meaning}the file that ships, on the test split; on `host` in its own runtime\n"
    "float: the trained model on the same examples\n"
    "p90: 90% of runs on one thread were faster; "
    "speedup: times as fast as the float parent in the same runtime"
)
SEVERAL_SCORES = "the first metric of the task, of "
NO_BUNDLE = "none, see above"
EARLIER = "*"  # after the name of a target
NO_RECORD = "dvc.lock: not found or damaged, so that earlier builds cannot be told from this plan's"


class SignedManifest(TypedDict):
    """The content of manifest.json, as far as the table reads it."""

    signature: SignatureEntry | str


Judgments = Mapping[str, "Judgment"]  # by target name, of targets that are built


def show(console: Console) -> None:
    """Print a row for every target of the plan, what its numbers mean, and where the bundles are.

    Raises:
        PlanError: there is no plan.
    """
    from edgebake.plan import earlier_build
    from edgebake.recipe import stage_params
    from edgebake.report import tables

    plan = stage_params.read_plan()
    if not plan:
        raise PlanError(f"{stage_params.PARAMS}: not found; run `edgebake plan`")
    record = earlier_build.read(plan)
    rows = []
    judgments = {}
    earlier = []
    for platform in plan["package"]:
        for name, target in stage_params.read("package", platform).targets.items():
            judgment = _judge_if_built(target, platform)
            change = record.change(f"validate@{target.validate}") if record and judgment else ""
            shown_name = name
            if change:
                shown_name = f"{name}{EARLIER}"
                earlier.append(f"{EARLIER} {name}: of an earlier build: {change}")
            rows.append(_row(shown_name, target.runtime, judgment))
            if judgment is not None:
                judgments[shown_name] = judgment
    score = _score(plan)
    _print_table(console, tables.release(rows, score))
    if record is None and judgments:
        earlier.append(NO_RECORD)
    _print_lines(console, [*earlier, _note(score)])
    _print_judgments(console, judgments)
    _print_lines(console, _candidate_lines(plan, judgments))
    _print_pruning(console, plan)
    _print_scheme_searches(console, plan)
    for platform in plan["package"]:
        console.print(f"bundle {platform}: {_bundle_state(platform, record)}")


def _score(plan: "Plan") -> str:
    """Return the header of the column of scores: their word, if all targets have the same."""
    from edgebake.recipe import stage_params
    from edgebake.report import tables
    from edgebake.tasks.task import load_task

    words = set()
    for platform in plan["package"]:
        params = stage_params.read("package", platform)
        for target in params.targets.values():
            task = load_task(target.task.output)
            score = task.METRICS[0]
            words.add(score.word)
    if len(words) == 1:
        return words.pop()
    return tables.SCORE


def _note(score: str) -> str:
    """Return what the columns of the release's table mean."""
    from edgebake.report import tables

    meaning = SEVERAL_SCORES if score == tables.SCORE else ""
    return NOTE.format(score=score, meaning=meaning)


def _candidate_lines(plan: "Plan", judgments: Judgments) -> Iterator[str]:
    """Yield which candidate ships, for each target that has candidates."""
    from edgebake.evaluation.gates.candidates import choose
    from edgebake.recipe import stage_params

    judged = {name.removesuffix(EARLIER): judgment for name, judgment in judgments.items()}
    for platform in plan["package"]:
        choices = choose(stage_params.read("package", platform).targets, judged)
        yield from (choice.line for choice in choices if choice.line)


def _print_lines(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, markup=False)


def _judge_if_built(target: "TargetParams", platform: str) -> "Judgment | None":
    from edgebake.evaluation.gates.judge import judge

    folder = artifacts.folder("validate", target.validate, platform)
    # DVC removes one after the other before it runs the stage again.
    if not (folder / artifacts.SUMS).exists() or not (folder / "report.json").exists():
        return None
    return judge(target, platform)


def _row(name: str, runtime: str, judgment: "Judgment | None") -> list[str]:
    from edgebake.report import tables

    if judgment is None:
        return [name, runtime, "not built", "", "", "", "", ""]
    metrics = judgment.evidence.metrics
    metric = judgment.evidence.task.METRICS[0]
    score = metric.word
    float_score = f"float_{score}"
    cells = [name, runtime]
    for word in (score, float_score):
        cell = tables.format_percent(metrics[word])
        cells.append(cell)
    for word in ("size_mb", "latency_p90_ms", "speedup"):
        cell = tables.format_brief(metrics[word])
        cells.append(cell)
    place = _measured_on(metrics, score)
    cells.append(place)
    return cells


def _measured_on(metrics: Mapping[str, Measurement], score: str) -> str:
    names = set()
    for word in (score, "latency_p90_ms"):
        source = metrics[word].where
        if source != "not measured":
            name = table_notes.short_source(source)
            names.add(name)
    return " and ".join(sorted(names)) or "-"


def _print_table(console: Console, table: Table) -> None:
    """Print a table: within the width of a terminal, otherwise as wide as it is."""
    from edgebake.report import tables

    if console.is_terminal:
        console.print(table)
    else:
        console.print(tables.as_text(table))


def _print_judgments(console: Console, judgments: Judgments) -> None:
    """Print what the numbers of the table mean, and the verdict on each gate."""
    from edgebake.report import tables

    _print_lines(console, dict.fromkeys(table_notes.on_numbers(judgments)))
    if judgments:
        decisions = {name: judgment.decisions for name, judgment in judgments.items()}
        _print_table(console, tables.verdicts(decisions))
        _print_lines(console, table_notes.on_verdicts(judgments))


def _print_pruning(console: Console, plan: "Plan") -> None:
    """Print what each pruned model lost and saved, next to the baselines that it has to beat."""
    from edgebake.report import pruning

    pruned = pruned_variants.read(plan)
    if pruned:
        _print_table(console, pruning.rows(pruned))
        console.print(pruning.NOTE)
        _print_lines(console, pruning.lines(pruned))


def _print_scheme_searches(console: Console, plan: "Plan") -> None:
    from edgebake.plan import scheme_search

    for target, candidates in scheme_search.from_plan(plan).items():
        lines = "\n".join(scheme_search.lines(candidates))
        console.print(f"candidates of {target}:\n{lines}", markup=False)


def _bundle_state(platform: str, record: "BuildRecord | None") -> str:
    """Return where a bundle is, who signs it, and whether it is whole and of this plan."""
    from edgebake.bundle import bundle_files, manifest

    if bundle_files.is_absent(platform):
        return NO_BUNDLE
    fault = bundle_files.fault(platform)
    if fault:
        return f"incomplete, {fault}; expected a bundle as a whole: run `edgebake build`"
    folder = bundle_files.FOLDER / platform
    signature = artifacts.read_json(folder / manifest.FILE, SignedManifest)["signature"]
    if signature != manifest.UNSIGNED:
        signature = f"unsigned; `edgebake release` signs by key {signature['key_id'][:16]}"
    change = record.change(f"proof@{platform}") if record else ""
    earlier = f"; of an earlier build: {change}" if change else ""
    return f"{folder}/ and {folder}.zip, {signature}{earlier}"


def _run(_: argparse.Namespace, console: Console) -> int:
    show(console)
    return 0


VERB = Verb(
    name="table",
    run=_run,
    summary="print the results of the last build",
    description=(
        "Print a row per target of params.yaml with its score, size, latency and speedup, the "
        "verdict on each gate, the costs of pruning, and the paths of the bundles. Targets that "
        "are not built yet, and targets and bundles of an earlier build than params.yaml, are "
        "marked."
    ),
    examples=(Example("edgebake table", "see what is built and how good it is"),),
)

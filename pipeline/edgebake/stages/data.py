"""Read every example of a dataset once, and record the split of each.

Writes examples.csv and data.json. An example in two splits stops the build, unless the recipe skips
copies.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts, plugins
from edgebake.data import class_coverage, example_names
from edgebake.data.class_coverage import Coverage, SmallestClass
from edgebake.data.dataset import COLUMNS, TABLE, Examples, assign_splits
from edgebake.data.formula_cells import to_cell
from edgebake.data.readers import class_names, folder, labels
from edgebake.data.splits import FEWEST_GROUPS, SPLITS
from edgebake.errors import DataError
from edgebake.recipe import OnCorrupt, OnLeak
from edgebake.recipe.data import DataParams
from edgebake.stages.job import Job
from edgebake.tasks.inputs.interface import Input, load_input
from edgebake.terminal import progress
from edgebake.terminal.printable import printable

# Examples are read outside of Python's lock; any number gives the same result.
THREADS = 2
CHUNK = 64  # examples that are read and not consumed yet
# `on_leak: skip` leaves an example in the first of its splits here: evaluation before training.
SPLIT_PRIORITY = ("test", "validation", "calibration", "train")
MAX_LINES = 5  # of an error message; the rest is counted


@dataclass(frozen=True)
class ExampleRecord:
    """The properties of one example."""

    number: int
    split: str
    size: int = 0
    sha256: str = ""  # of the content, so that a copy in another file format is recognized
    error: str = ""  # why it cannot be used


class Summary(TypedDict):
    """The content of data.json."""

    examples: int
    splits: dict[str, int]
    classes: dict[str, int]
    smallest_class: dict[str, SmallestClass]  # of train and of test
    untested_classes: list[str]  # without test examples, as the recipe lists them
    skipped: list[str]
    left_out: list[str]  # paths that hold no examples
    test_groups: NotRequired[int]  # of test examples, where `splits.column` groups them


def run(job: Job[DataParams]) -> str:
    """Read the examples, check the splits, and write the table of examples."""
    params = job.params
    examples: Examples = plugins.load("data.source", params.source).load(params)
    class_names.check(params.title, examples.classes)  # of a source in the project's plugins
    examples = example_names.share(examples, params)
    splits = assign_splits(examples, params)
    # Before the examples are read, which may take long; damaged ones may be missing afterwards.
    class_coverage.count(examples, splits).check(params)
    records = list(read_examples(examples, splits, params))
    corrupt = [record for record in records if record.error]
    if corrupt and params.on_corrupt is OnCorrupt.stop:
        errors = [record.error for record in corrupt]
        raise DataError(_shorten(errors))
    valid = [record for record in records if not record.error]
    if params.on_leak is OnLeak.skip:
        valid = _without_leaks(valid)
    _check_leaks(valid, examples, params)
    _check_splits(valid, params)
    coverage = class_coverage.count(examples, _numbers_by_split(valid))
    coverage.check(params)
    summary = _summarize(examples, valid, corrupt, coverage)
    column = params.splits.column
    if column is not None:
        summary["test_groups"] = _test_groups(examples, valid, column)
    _write_table(job, examples, valid)
    job.write_json("data.json", summary, ensure_ascii=False)
    return _line(summary) + _line_of_groups(summary, column)


def read_examples(
    examples: Examples, splits: Mapping[str, NDArray[np.int64]], params: DataParams
) -> Iterator[ExampleRecord]:
    """Read the examples of every split, whose numbers are [n], in the order of the splits."""
    assigned: list[tuple[int, str]] = []
    for split, numbers in splits.items():
        for number in numbers:
            assigned.append((int(number), split))

    kind = load_input(params.input.kind)

    def read(example: tuple[int, str]) -> ExampleRecord:
        return _record(examples, kind, params, *example)

    # In chunks: one map over all would decode all before the first is consumed.
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, len(assigned), CHUNK):
            chunk = assigned[start : start + CHUNK]
            yield from threads.map(read, chunk)
            progress.report(start + len(chunk), len(assigned), "examples")


def _record(
    examples: Examples, kind: Input, params: DataParams, number: int, split: str
) -> ExampleRecord:
    try:
        raw = examples.inputs[number]
    except DataError as error:
        return ExampleRecord(number, split, error=str(error))
    problem = kind.check_raw(raw, params)
    if problem is not None:
        return ExampleRecord(number, split, error=f"{examples.names[number]}: {problem}")
    digest = artifacts.sha256(kind.digest(raw))
    return ExampleRecord(number, split, kind.size(raw), digest)


def _numbers_by_split(records: list[ExampleRecord]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {split: [] for split in SPLITS}
    for record in records:
        numbers[record.split].append(record.number)
    return numbers


def _check_splits(records: list[ExampleRecord], params: DataParams) -> None:
    counts = Counter(record.split for record in records)
    for split in SPLITS:
        if not counts[split]:
            raise DataError(
                f"{params.title}: the split {split} holds no example that can be read; "
                "expected at least 1"
            )


def _without_leaks(records: list[ExampleRecord]) -> list[ExampleRecord]:
    """Leave each example in one split alone, the first in SPLIT_PRIORITY."""
    split_of_content: dict[str, str] = {}
    for split in SPLIT_PRIORITY:
        for record in records:
            if record.split == split:
                split_of_content.setdefault(record.sha256, split)
    remaining = []
    for record in records:
        if record.split == split_of_content[record.sha256]:
            remaining.append(record)
    return remaining


def _check_leaks(records: list[ExampleRecord], examples: Examples, params: DataParams) -> None:
    """Check that no example is in two splits: a model would be tested with what it has seen."""
    by_content: dict[str, list[ExampleRecord]] = {}
    for record in records:
        copies = by_content.setdefault(record.sha256, [])
        copies.append(record)
    leaks = [copies for copies in by_content.values() if _is_leak(copies)]
    if leaks:
        lines = [_describe_copies(examples, copies) for copies in leaks]
        raise DataError(
            f"{params.title}: {len(leaks)} examples lie in more than one split; "
            "expected each in only one: "
            f"remove the copies, or set `on_leak: skip`\n{_shorten(lines)}"
        )


def _is_leak(copies: list[ExampleRecord]) -> bool:
    splits = {record.split for record in copies}
    return len(splits) > 1


def _describe_copies(examples: Examples, copies: list[ExampleRecord]) -> str:
    descriptions = []
    for record in copies:
        name = examples.names[record.number]
        descriptions.append(f"{name} ({record.split})")
    return " = ".join(descriptions)


def _shorten(lines: list[str]) -> str:
    shown = lines[:MAX_LINES]
    hidden = len(lines) - len(shown)
    if hidden:
        shown.append(f"... and {hidden} more")
    return "\n".join(shown)


def _label(examples: Examples, record: ExampleRecord) -> str:
    label = int(examples.labels[record.number])
    return examples.classes[label]


def _summarize(
    examples: Examples, valid: list[ExampleRecord], corrupt: list[ExampleRecord], coverage: Coverage
) -> Summary:
    splits = Counter(record.split for record in valid)
    classes = Counter(_label(examples, record) for record in valid)
    return {
        "examples": len(valid),
        "splits": {name: splits[name] for name in SPLITS},
        "classes": {name: classes[name] for name in examples.classes},
        "smallest_class": coverage.smallest(),
        "untested_classes": coverage.untested,
        "skipped": [record.error for record in corrupt],
        "left_out": examples.left_out,
    }


def _test_groups(examples: Examples, records: list[ExampleRecord], column: str) -> int:
    """Return the number of groups in the test split, which gates draw in place of examples."""
    values = examples.columns[column]
    groups = set()
    for record in records:
        if record.split == "test":
            value = values[record.number]
            groups.add(value.strip())
    return len(groups)


def _line_of_groups(summary: Summary, column: str | None) -> str:
    if column is None:
        return ""
    count = summary["test_groups"]
    line = f"; test groups: {count:,} ({column})"
    if count < FEWEST_GROUPS:
        line += f", too few for gates on accuracy, which need {FEWEST_GROUPS}"
    return line


def _write_table(job: Job[DataParams], examples: Examples, records: list[ExampleRecord]) -> None:
    with (job.out / TABLE).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for record in records:
            row = [
                record.number,
                to_cell(examples.names[record.number]),
                to_cell(_label(examples, record)),
                record.split,
                record.size,
                record.sha256,
            ]
            writer.writerow(row)


def _line(summary: Summary) -> str:
    classes = summary["classes"]
    sizes = []
    for name, count in summary["splits"].items():
        sizes.append(f"{name} {count:,}")
    line = f"{summary['examples']:,} examples of {len(classes)} classes: "
    line += ", ".join(sizes)
    if summary["skipped"]:
        line += f", {len(summary['skipped'])} skipped"
    smallest = []
    for split, smallest_class in summary["smallest_class"].items():
        name = printable(smallest_class["name"])
        smallest.append(f"{split} {smallest_class['examples']:,} ({name})")
    line += f"; smallest class: {', '.join(smallest)}"
    untested = summary["untested_classes"]
    if untested:
        line += f"; {len(untested):,} without test examples: {labels.preview(untested)}"
    if summary["left_out"]:
        line += f"; left out, no examples: {folder.describe_kinds(summary['left_out'])}"
    return line

"""A source of examples in, a table of them out: which of them lie in which split.

Decodes every example once. Writes examples.csv and data.json. Splits that share an image stop the build.
"""

import csv
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from edgebake import plugins
from edgebake.data.dataset import COLUMNS, TABLE, Examples, assign_splits
from edgebake.data.splits import SPLITS
from edgebake.errors import DataError, listed
from edgebake.recipe import OnCorrupt, OnLeak
from edgebake.recipe.stage_params import DataParams
from edgebake.stages.job import Job

THREADS = (
    2  # images are decoded outside of Python's lock; what comes out is the same for any number
)
CHUNK = 64  # images that are under way at once
KEEPING = ("test", "validation", "calibration", "train")
SHOWN = 5  # of what is wrong, the rest is counted


@dataclass(frozen=True)
class Look:
    """What was seen of one example."""

    number: int
    split: str
    height: int = 0
    width: int = 0
    sha256: str = ""  # of its pixels, so that a copy in another format is found too
    trouble: str = ""


def run(job: Job) -> str:
    """Look at every example, leave out what cannot be read if the recipe says so, and write down the splits."""
    section: DataParams = job.section
    examples: Examples = plugins.load("data.source", section.source).load(section)
    looks = list(_looks(examples, section))
    damaged = [look for look in looks if look.trouble]
    if damaged and section.on_corrupt is OnCorrupt.stop:
        raise DataError(_few([look.trouble for look in damaged]))
    kept = [look for look in looks if not look.trouble]
    if section.on_leak is OnLeak.skip:
        kept = _without_leaks(kept)
    _refuse_leaks(kept, examples, section)
    _refuse_empty(kept, section)
    summary = _summary(examples, kept, damaged)
    _write(job, examples, kept)
    (job.out / "data.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    return _line(summary)


def _looks(examples: Examples, section: DataParams) -> Iterator[Look]:
    """Yield what is seen of each example, split by split, in the order in which the splits hold them."""
    places = [
        (int(number), name)
        for name, numbers in assign_splits(examples, section).items()
        for number in numbers
    ]
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(
            0, len(places), CHUNK
        ):  # a map over all would decode all before the first is looked at
            yield from threads.map(
                lambda place: _look(examples, *place), places[start : start + CHUNK]
            )


def _look(examples: Examples, number: int, split: str) -> Look:
    try:
        pixels = examples.images[number]
    except DataError as error:
        return Look(number, split, trouble=str(error))
    digest = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes())
    height, width = pixels.shape[:2]
    return Look(number, split, height, width, digest.hexdigest())


def _refuse_empty(kept: list[Look], section: DataParams) -> None:
    counts = Counter(look.split for look in kept)
    for name in SPLITS:
        if not counts[name]:
            raise DataError(
                f"{section.title}: the split {name} holds no example that can be read; expected at least 1"
            )


def _without_leaks(kept: list[Look]) -> list[Look]:
    """Return what is left when each image lies in the split alone that needs it most, measuring before learning."""
    first: dict[str, str] = {}
    for name in KEEPING:
        for look in kept:
            if look.split == name:
                first.setdefault(look.sha256, name)
    return [look for look in kept if first[look.sha256] == look.split]


def _refuse_leaks(kept: list[Look], examples: Examples, section: DataParams) -> None:
    """Refuse an image that lies in two splits: what was learned from would also be what is measured with."""
    places = defaultdict(list)
    for look in kept:
        places[look.sha256].append(look)
    leaks = [looks for looks in places.values() if len({look.split for look in looks}) > 1]
    if leaks:
        lines = [
            " = ".join(f"{_name(examples, look)} ({look.split})" for look in looks)
            for looks in leaks
        ]
        raise DataError(
            f"{section.title}: {len(leaks)} images lie in more than one split; expected each in one alone: "
            f"remove the copies, or say `on_leak: skip`\n{_few(lines)}"
        )


def _few(lines: list[str]) -> str:
    more = f"\n... and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return "\n".join(lines[:SHOWN]) + more


def _name(examples: Examples, look: Look) -> str:
    return examples.names[look.number] if examples.names else f"example {look.number}"


def _summary(examples: Examples, kept: list[Look], damaged: list[Look]) -> dict[str, Any]:
    splits = Counter(look.split for look in kept)
    classes = Counter(examples.classes[examples.labels[look.number]] for look in kept)
    return {
        "examples": len(kept),
        "splits": {name: splits[name] for name in SPLITS},
        "classes": {name: classes[name] for name in examples.classes},
        "skipped": [look.trouble for look in damaged],
    }


def _write(job: Job, examples: Examples, kept: list[Look]) -> None:
    with (job.out / TABLE).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for look in kept:
            label = examples.classes[examples.labels[look.number]]
            place = (look.number, _name(examples, look), label, look.split)
            writer.writerow([*place, look.height, look.width, look.sha256])


def _line(summary: dict[str, Any]) -> str:
    sizes = ", ".join(f"{name} {count:,}" for name, count in summary["splits"].items())
    skipped = f", {len(summary['skipped'])} skipped" if summary["skipped"] else ""
    empty = [name for name, count in summary["classes"].items() if not count]
    without = f", none of: {listed(empty)}" if empty else ""
    return f"{summary['examples']:,} examples of {len(summary['classes'])} classes: {sizes}{skipped}{without}"

"""Accounts of pruned models in; a table for the terminal, and what pruning did not beat, out.

Reads and writes nothing.
"""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from edgebake.report.tables import compact

COLUMNS = ("pruned", "macs", "params", "before", "cut", "tuned", "scratch", "parent on")
NOTE = """\
before, cut, tuned: accuracy on the validation split before, after cutting, after fine-tuning
scratch: its architecture, trained from scratch with the same budget; parent on: its parent, trained on as long"""
OTHERS = {
    "from_scratch": "its architecture, trained from scratch",
    "parent_trained_on": "its parent, trained on",
}


def rows(accounts: dict[str, dict[str, Any]]) -> Table:
    """Return a row per variant; it fits a terminal of 80 columns."""
    return compact(COLUMNS, [_row(name, account) for name, account in accounts.items()])


def lines(accounts: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield where something else is better than pruning."""
    for name, account in accounts.items():
        images = account["validation_images"]
        for word, found in account["baselines"].items():
            more = round((found - account["accuracy"]["fine_tuned"]) * images)
            if more > 0:
                yield f"{name}: {OTHERS[word]}, is right on {more} more of {images} validation images"


def _row(name: str, account: dict[str, Any]) -> list[str]:
    left = [
        f"{account[word]['after'] / account[word]['before']:.0%}" for word in ("macs", "parameters")
    ]
    accuracies = [account["accuracy"][word] for word in ("before", "cut", "fine_tuned")]
    others = [account["baselines"].get(word) for word in OTHERS]
    shown = ("-" if found is None else f"{found:.2%}" for found in [*accuracies, *others])
    return [name, *left, *shown]

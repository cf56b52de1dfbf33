"""Cut whole channels, so that every runtime has less to compute."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from edgebake.compression.pruning import (
    dependency_graph,
    fine_tune,
    latency,
    layer_costs,
    selection,
    shrink,
)
from edgebake.compression.pruning.original_model import OriginalModel, PrunedModel
from edgebake.compression.pruning.selection import Limits
from edgebake.models import keras_graph, keras_session
from edgebake.recipe import Prune, PruningTarget
from edgebake.training import loop

if TYPE_CHECKING:
    from edgebake.compression.pruning.selection import Numbers, RankedChannels

WORDS: tuple[str, ...] = ("score", "floor", "multiple", "steps", "fine_tune", "baselines")
ONE_OF: tuple[tuple[str, ...], ...] = (("keep",), ("target",))
TOOLS: tuple[str, ...] = (*keras_session.TOOLS, "ai-edge-litert", "scipy")


@dataclass
class _Cut:
    """The model on its way, and what is told of the way."""

    model: Any
    words: Prune
    steps: list[dict[str, float]] = field(default_factory=list)
    timed: list[dict[str, float]] = field(default_factory=list)
    whole: dict[str, str] = field(default_factory=dict)
    history: loop.History = field(default_factory=list)


def prune(parent: OriginalModel, words: Prune) -> PrunedModel:
    """Cut and train in as many steps as the recipe says, each the same part of the way.

    Raises:
        ConversionError: the goal cannot be reached, or the smaller model computes something else than the larger one
            without those channels.
    """
    if words.score is None or words.floor is None or words.multiple is None:
        raise ValueError("pruning channels without score, floor or multiple")
    full = parent.load()
    cut, families = _Cut(full, words), dependency_graph.read(full).families
    limits = Limits(words.floor, words.multiple, {one.layers: len(one.groups) for one in families})
    steps = words.steps or 1
    for number in range(steps):
        found = dependency_graph.read(cut.model)
        ranked = selection.rank(cut.model, found, words.score, parent.splits, limits)
        counts = _counts(cut, ranked, full, (number + 1) / steps)
        cut.model = shrink.remove_channels(cut.model, ranked.found, ranked.dropped(counts))
        cut.whole = ranked.found.whole
        _train(cut, parent, number)
    last = cut.steps[-1]
    report = {"whole": cut.whole, "steps": cut.steps} | ({"timed": cut.timed} if cut.timed else {})
    return PrunedModel(cut.model, last["accuracy_cut"], last["accuracy"], cut.history, report)


def _counts(cut: _Cut, ranked: RankedChannels, full: Any, way: float) -> Numbers:
    """Return how many channels of each family stay after this part of the way."""
    words, goal = cut.words, cut.words.target or PruningTarget()
    if goal.latency is not None:
        counts, tried = latency.counts_within(ranked, full, goal.latency)
        cut.timed = [asdict(one) for one in tried]
        return counts
    for word, share in (("macs", goal.macs), ("parameters", goal.parameters)):
        if share is not None:
            return selection.down_to(
                ranked, word, share**way * layer_costs.total(layer_costs.count(full), word)
            )
    return selection.by_share(ranked, (words.keep or 1.0) ** way)


def _train(cut: _Cut, parent: OriginalModel, number: int) -> None:
    counted = layer_costs.count(cut.model)
    step: dict[str, float] = {
        word: layer_costs.total(counted, word) for word in ("macs", "parameters")
    }
    step["accuracy_cut"] = loop.accuracy(cut.model, parent.splits)
    rows = fine_tune.train(cut.model, parent, fine_tune.step_options(cut.words, number))
    cut.model = keras_graph.functional(
        cut.model
    )  # without what it was trained by, which would be cloned and saved too
    cut.history += [row | {"epoch": row["epoch"] + len(cut.history)} for row in rows]
    cut.steps.append(step | {"accuracy": loop.accuracy(cut.model, parent.splits)})

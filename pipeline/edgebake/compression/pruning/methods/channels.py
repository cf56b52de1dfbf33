"""Structured pruning: remove whole channels, so that every runtime computes less."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

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
from edgebake.recipe import FineTune, Prune, PruningTarget
from edgebake.training import loop

if TYPE_CHECKING:
    import keras

    from edgebake.compression.pruning.dependency_graph import Floats
    from edgebake.compression.pruning.original_model import Report
    from edgebake.compression.pruning.selection import RankedChannels

WORDS: tuple[str, ...] = ("score", "floor", "multiple", "steps", "fine_tune", "baselines")
ONE_OF: tuple[tuple[str, ...], ...] = (("keep",), ("target",))
TOOLS: tuple[str, ...] = (*keras_session.TOOLS, "ai-edge-litert", "scipy")


@dataclass
class _Progress:
    """The model after the steps so far, and what is reported of them."""

    model: keras.Model
    steps: list[dict[str, float]] = field(default_factory=list)
    latency_trials: list[dict[str, float]] = field(default_factory=list)
    unpruned: dict[str, str] = field(default_factory=dict)
    history: loop.History = field(default_factory=list)


def prune(original: OriginalModel, options: Prune) -> PrunedModel:
    """Prune and fine-tune in as many steps as the recipe says.

    Each step removes the same share of what remains.

    Raises:
        ConversionError: the target cannot be reached, or the smaller model does not compute what
            the larger one does without the removed channels.
    """
    if options.score is None or options.floor is None or options.multiple is None:
        raise ValueError("pruning channels without score, floor or multiple")
    model = original.load()
    original_dependencies = dependency_graph.read(model)
    sizes = {}
    for family in original_dependencies.families:
        sizes[family.layers] = len(family.groups)
    limits = Limits(options.floor, options.multiple, sizes)
    progress = _Progress(model)
    steps = options.steps or 1
    for step in range(steps):
        dependencies = dependency_graph.read(progress.model)
        ranked = selection.rank(
            progress.model, dependencies, options.score, original.splits, limits
        )
        exponent = (step + 1) / steps
        counts = _select_counts(progress, ranked, model, options, exponent)
        removed = ranked.removed_groups(counts)
        progress.model = shrink.remove_channels(progress.model, ranked.dependencies, removed)
        progress.unpruned = ranked.dependencies.unpruned
        step_options = fine_tune.step_options(fine_tune.options(options), steps, step)
        _fine_tune(progress, original, step_options)
    return _result(progress)


def _select_counts(
    progress: _Progress,
    ranked: RankedChannels,
    original: keras.Model,
    options: Prune,
    exponent: float,
) -> Floats:
    """Return the channels that each family keeps, [families].

    The share that a step keeps is that of the recipe to the power of `exponent`, which is 1 in the
    last step. A target of latency allows only one step.
    """
    target = options.target or PruningTarget()
    if target.latency is not None:
        counts, trials = latency.by_latency(ranked, original, target.latency)
        progress.latency_trials = [asdict(trial) for trial in trials]
        return counts
    costs = layer_costs.count(original)
    if target.macs is not None:
        original_macs = layer_costs.total(costs, "macs")
        macs = target.macs**exponent * original_macs
        return selection.by_cost(ranked, "macs", macs)
    if target.parameters is not None:
        original_parameters = layer_costs.total(costs, "parameters")
        parameters = target.parameters**exponent * original_parameters
        return selection.by_cost(ranked, "parameters", parameters)
    share = options.keep or 1.0
    return selection.by_share(ranked, share**exponent)


def _fine_tune(progress: _Progress, original: OriginalModel, options: FineTune) -> None:
    costs = layer_costs.count(progress.model)
    accuracy_before = loop.score(progress.model, original.splits)
    history = fine_tune.train(progress.model, original, options)
    # A new model has no optimizer and loss, which would be cloned and saved with it.
    progress.model = keras_graph.functional(progress.model)
    progress.history += fine_tune.numbered_after(progress.history, history)
    progress.steps.append(
        {
            "macs": layer_costs.total(costs, "macs"),
            "parameters": layer_costs.total(costs, "parameters"),
            "accuracy_cut": accuracy_before,
            "accuracy": loop.score(progress.model, original.splits),
        }
    )


def _result(progress: _Progress) -> PrunedModel:
    last = progress.steps[-1]
    report: Report = {"whole": progress.unpruned, "steps": progress.steps}
    if progress.latency_trials:
        report["timed"] = progress.latency_trials
    return PrunedModel(
        model=progress.model,
        accuracy_before_fine_tuning=last["accuracy_cut"],
        accuracy=last["accuracy"],
        history=progress.history,
        report=report,
    )

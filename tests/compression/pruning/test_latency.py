"""Search for a latency target, with latency replaced by multiply-accumulates; and timing."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from edgebake.compression.pruning import (
    cost_model,
    dependency_graph,
    latency,
    layer_costs,
    selection,
)
from edgebake.compression.pruning.selection import Limits, RankedChannels
from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.recipe import ImportanceScore
from tests.compression.pruning import graphs


@pytest.fixture(scope="module")
def ranked() -> RankedChannels:
    keras_session.start(1)
    model, dependencies = graphs.read("concatenation_and_sum")
    limits = Limits(0.5, 1, {family.layers: len(family.groups) for family in dependencies.families})
    return selection.rank(
        model, dependency_graph.read(model), ImportanceScore.l1, graphs.NONE, limits
    )


@pytest.fixture
def _by_macs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        latency, "_load_session", lambda model: layer_costs.total(layer_costs.count(model), "macs")
    )
    monkeypatch.setattr(latency, "latency_ratio", lambda trial, other: trial / other)


def shares(ranked: RankedChannels) -> list[float]:
    price = cost_model.build(ranked.model, ranked.dependencies, "macs")
    costs = [float(price.cost(counts)) for counts in selection.path(ranked, price)]
    return [cost / costs[0] for cost in costs]


@pytest.mark.usefixtures("_by_macs")
def test_the_first_model_that_is_fast_enough_is_found(ranked: RankedChannels) -> None:
    path = list(selection.path(ranked, cost_model.build(ranked.model, ranked.dependencies, "macs")))
    of_path = shares(ranked)
    assert len(path) == 5
    for number in range(1, len(path)):
        between = (of_path[number - 1] + of_path[number]) / 2
        for share in (of_path[number] + 1e-9, between):
            counts, tried = latency.by_latency(ranked, ranked.model, share)
            assert counts.tolist() == path[number].tolist()
            assert all(trial.latency == pytest.approx(trial.macs) for trial in tried)


@pytest.mark.usefixtures("_by_macs")
def test_few_models_are_timed_and_the_smallest_first(ranked: RankedChannels) -> None:
    of_path = shares(ranked)
    _, tried = latency.by_latency(ranked, ranked.model, of_path[1] + 1e-9)
    assert [trial.macs for trial in tried] == pytest.approx([of_path[4], of_path[2], of_path[1]])


@pytest.mark.usefixtures("_by_macs")
def test_a_goal_below_the_smallest_model_is_refused(ranked: RankedChannels) -> None:
    expected = (
        f"prune.target.latency: {shares(ranked)[-1]:.2f} of the original model's with every "
        "layer at its floor; expected at most 0.1: lower prune.floor or raise prune.target.latency"
    )
    with pytest.raises(ConversionError, match=f"^{re.escape(expected)}$"):
        latency.by_latency(ranked, ranked.model, 0.1)


@dataclass
class Clock:
    """Time that passes only where something runs."""

    now: float = 0.0

    def session(self, name: str, seconds: Callable[[int], float], ran: list[str]) -> Any:
        @dataclass
        class Fake:
            calls: int = 0

            def invoke(fake) -> None:  # noqa: N805 - self is the test
                ran.append(name)
                self.now += seconds(fake.calls)
                fake.calls += 1

        return Fake()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


def test_a_ratio_is_how_many_times_as_long_one_takes(clock: Clock) -> None:
    ran: list[str] = []
    candidate, reference = (
        clock.session("one", lambda _: 0.002, ran),
        clock.session("other", lambda _: 0.004, ran),
    )
    assert latency.latency_ratio(candidate, reference) == pytest.approx(0.5)
    rounds = ran[5:]  # the first are to find how many calls make a round
    calls = round(latency.ROUND_SECONDS / 0.004)
    assert len(rounds) == 2 * calls * latency.ROUNDS
    firsts = rounds[:: 2 * calls]
    assert set(firsts[::2]) == {"other"}
    assert set(firsts[1::2]) == {"one"}


def test_a_pause_of_the_machine_is_no_slowness(clock: Clock) -> None:
    ran: list[str] = []
    candidate = clock.session("one", lambda call: 5.0 if call % 4 == 0 else 0.02, ran)
    reference = clock.session("other", lambda _: 0.02, ran)
    assert latency.latency_ratio(candidate, reference) == pytest.approx(1.0)

"""Selection of channels: limits, paths and ties worked out by hand."""

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebake.compression.pruning import cost_model, dependency_graph, selection
from edgebake.compression.pruning.cost_model import CostModel
from edgebake.compression.pruning.dependency_graph import Dependencies, Family
from edgebake.compression.pruning.layer_costs import Metric
from edgebake.compression.pruning.selection import Limits, RankedChannels
from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.recipe import ImportanceScore
from tests import properties
from tests.compression.pruning import graphs

# The first family costs 1 for each channel, the second 4.
PRICE = CostModel(np.ones(2), np.array([[0, 0, 1], [0, 0, 1]]), np.array([[1, 0, 0], [0, 4, 0]]))


def limits(size: int, floor: float, multiple: int) -> tuple[Limits, Family]:
    return Limits(floor, multiple, {("a",): size}), Family(("a",), np.arange(size))


def ranked(
    sizes: list[int],
    scores: list[float],
    floor: float = 0,
    multiple: int = 1,
    comparable: bool = False,
) -> RankedChannels:
    """Return families whose groups are in order already: 0, 1, 2, ..."""
    ends = np.cumsum([0, *sizes])
    families = [
        Family((name,), np.arange(start, end))
        for name, start, end in zip("abc", ends[:-1], ends[1:], strict=False)
    ]
    full = {family.layers: len(family.groups) for family in families}
    dependencies = Dependencies({}, families, {}, int(ends[-1]))
    order = [family.groups for family in families]
    return RankedChannels(
        None, dependencies, order, np.array(scores), Limits(floor, multiple, full), comparable
    )


def walked(ranked_channels: RankedChannels) -> list[tuple[int, ...]]:
    return [
        tuple(int(count) for count in counts) for counts in selection.path(ranked_channels, PRICE)
    ]


@pytest.mark.parametrize(
    ("size", "floor", "multiple", "expected"),
    [
        (16, 0.5, 8, 8),
        (16, 0.51, 8, 16),
        (10, 0.25, 4, 4),
        (10, 0.5, 4, 8),
        (10, 0.9, 4, 10),  # 12 would be more than there are
        (10, 0.0, 4, 4),
        (3, 0.0, 8, 3),
        (10, 0.0, 1, 1),
        (10, 0.7, 1, 7),  # 10 * 0.7 is a little more than 7
    ],
)
def test_a_floor_is_rounded_up_to_a_multiple(
    size: int, floor: float, multiple: int, expected: int
) -> None:
    family_limits, family = limits(size, floor, multiple)
    assert family_limits.minimum(family) == expected


@pytest.mark.parametrize(
    ("size", "floor", "multiple", "binding", "message"),
    [
        (16, 0, 1, set(), "one channel; expected at most 5: raise prune.target.macs"),
        (
            16,
            0.5,
            1,
            {"floor"},
            "its floor; expected at most 5: lower prune.floor or raise prune.target.macs",
        ),
        (
            6,  # not a multiple of 8: all stay
            0.25,
            8,
            {"multiple"},
            "the least multiple of 8; expected at most 5: lower prune.multiple or raise "
            "prune.target.macs",
        ),
        (
            16,  # 8 are also half, so one of the two is not enough
            0.5,
            8,
            {"floor", "multiple"},
            "its floor, or the least multiple of 8; expected at most 5: lower prune.floor or lower "
            "prune.multiple or raise prune.target.macs",
        ),
    ],
)
def test_a_target_out_of_reach_names_the_limits_that_bind(
    size: int, floor: float, multiple: int, binding: set[str], message: str
) -> None:
    family_limits, family = limits(size, floor, multiple)
    assert family_limits.binding(family) == binding
    channels = ranked([size], [0.0] * size, floor, multiple)
    error = selection.unreachable(channels, "macs", "9 remain", "5")
    assert str(error) == f"prune.target.macs: 9 remain with every layer at {message}"


@pytest.mark.parametrize(
    ("size", "share", "floor", "multiple", "expected"),
    [
        (16, 0.5, 0.0, 8, 8),
        (16, 0.6, 0.0, 1, 10),
        (10, 0.5, 0.0, 4, 4),
        (10, 0.9, 0.0, 4, 8),
        (11, 1.0, 0.0, 4, 11),
        (3, 0.1, 0.0, 8, 3),
        (16, 0.1, 0.5, 2, 8),
        (16, 0.01, 0.0, 1, 1),
    ],
)
def test_a_share_is_rounded_to_the_nearest_multiple(
    size: int, share: float, floor: float, multiple: int, expected: int
) -> None:
    family_limits, family = limits(size, floor, multiple)
    assert family_limits.nearest(family, share) == expected


@pytest.mark.parametrize(
    ("size", "floor", "multiple", "expected"),
    [
        (10, 0.0, 4, [8, 4]),
        (10, 0.5, 4, [8]),
        (16, 0.25, 4, [12, 8, 4]),
        (3, 0.0, 8, []),
        (8, 1.0, 1, []),
        (3, 0.0, 1, [2, 1]),
    ],
)
def test_counts_fall_by_multiples_as_far_as_the_floor(
    size: int, floor: float, multiple: int, expected: list[int]
) -> None:
    family_limits, family = limits(size, floor, multiple)
    counts: list[int] = []
    count = family_limits.next_lower(family, size)
    while count is not None:
        counts.append(count)
        count = family_limits.next_lower(family, count)
    assert counts == expected


@given(
    size=st.integers(1, 300),
    floor=st.floats(0, 1),
    multiple=st.integers(1, 32),
    share=st.floats(0, 1),
)
def test_what_stays_is_within_limits(size: int, floor: float, multiple: int, share: float) -> None:
    family_limits, family = limits(size, floor, multiple)
    count = family_limits.nearest(family, share)
    assert 1 <= family_limits.minimum(family) <= count <= size
    assert count >= size * floor - 1e-6
    assert count % multiple == 0 or count == size


def test_shares_are_of_the_parent_and_no_channel_comes_back() -> None:
    family_limits = Limits(0.25, 1, {("a",): 16})
    assert family_limits.nearest(Family(("a",), np.arange(10)), 0.5) == 8
    assert family_limits.nearest(Family(("a",), np.arange(10)), 0.75) == 10
    assert family_limits.minimum(Family(("a",), np.arange(10))) == 4


def test_a_family_that_the_parent_did_not_have_keeps_its_one_channel() -> None:
    family_limits, family = (
        Limits(0.25, 8, {("a",): 4, ("b",): 1}),
        Family(("a", "b"), np.arange(1)),
    )
    assert (
        family_limits.minimum(family),
        family_limits.nearest(family, 0.5),
        family_limits.next_lower(family, 1),
    ) == (1, 1, None)


def test_by_share_cuts_every_family() -> None:
    assert selection.by_share(ranked([8, 4, 2], [0.0] * 14), 0.5).tolist() == [4, 2, 1]
    assert selection.by_share(
        ranked([8, 4, 2], [0.0] * 14, floor=0.6, multiple=2), 0.5
    ).tolist() == [6, 4, 2]


def test_the_least_important_groups_go() -> None:
    ranked_channels = ranked([3, 2], [0.0] * 5)
    assert ranked_channels.removed_groups(np.array([1.0, 2.0])).tolist() == [0, 1]
    assert ranked_channels.removed_groups(np.array([2.0, 1.0])).tolist() == [0, 3]
    assert ranked_channels.removed_groups(ranked_channels.sizes).tolist() == []


def test_without_comparable_scores_the_family_with_the_largest_share_is_next() -> None:
    ranked_channels = ranked([4, 8], [0.0] * 12, multiple=2)
    assert walked(ranked_channels) == [(4, 8), (2, 8), (2, 6), (2, 4), (2, 2)]


def test_with_comparable_scores_the_channels_go_next_that_matter_least_for_what_they_cost() -> None:
    ranked_channels = ranked([3, 3], [1, 2, 3, 3, 5, 9], comparable=True)
    # By cost: 1/1 or 3/4; 1/1 or 5/4; 2/1 or 5/4; 2/1
    assert walked(ranked_channels) == [(3, 3), (3, 2), (2, 2), (2, 1), (1, 1)]


def test_of_equal_losses_the_first_family_goes() -> None:
    assert walked(ranked([2, 2], [1, 1, 4, 4], comparable=True)) == [(2, 2), (1, 2), (1, 1)]


def test_a_cut_of_several_channels_loses_all_of_them() -> None:
    ranked_channels = ranked([4, 4], [1, 2, 3, 4, 8, 9, 9, 9], multiple=2, comparable=True)
    assert ranked_channels.importance_lost(0, before=4, after=2) == 3
    assert ranked_channels.importance_lost(0, before=2, after=1) == 3
    assert ranked_channels.importance_lost(1, before=4, after=2) == 17
    assert walked(ranked_channels) == [(4, 4), (2, 4), (2, 2)]  # 3/2 or 17/8


@given(
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=2),
    floor=st.floats(0, 1),
    multiple=st.integers(1, 4),
    comparable=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_a_path_falls_by_one_cut_at_a_time_to_the_floor(
    sizes: list[int], floor: float, multiple: int, comparable: bool, seed: int
) -> None:
    scores = list(np.random.default_rng(seed).uniform(size=sum(sizes)))
    ranked_channels = ranked(sizes, scores, floor, multiple, comparable)
    steps = walked(ranked_channels)
    assert steps == walked(ranked_channels)
    assert steps[0] == tuple(sizes)
    ends = zip(ranked_channels.dependencies.families, steps[-1], strict=True)
    assert all(ranked_channels.limits.next_lower(family, count) is None for family, count in ends)
    for before, after in pairwise(steps):
        fallen = [(high, low) for high, low in zip(before, after, strict=True) if high != low]
        assert len(fallen) == 1
        assert 0 < fallen[0][0] - fallen[0][1] <= multiple
        assert fallen[0][1] % multiple == 0


@pytest.fixture(scope="module")
def real() -> RankedChannels:
    """Families of 9, 5 and 6 channels in a model that was never trained."""
    keras = keras_session.start(1)
    layers = keras.layers
    image = keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(9, 3, name="a")(image)
    x = layers.Dense(6, name="c")(layers.Flatten()(layers.Conv2D(5, 3, name="b")(x)))
    return of(
        keras.Model(image, layers.Dense(2, activation="softmax", name="answer")(x)),
        ImportanceScore.l2,
    )


def of(model: Any, how: ImportanceScore) -> RankedChannels:
    dependencies = dependency_graph.read(model)
    full = {family.layers: len(family.groups) for family in dependencies.families}
    return selection.rank(model, dependencies, how, graphs.NONE, Limits(0.2, 2, full))


@pytest.mark.parametrize("word", ["macs", "parameters"])
@given(share=st.floats(0.25, 1))
@properties.one_in(5)
def test_a_goal_is_reached_and_no_family_has_room_for_more(
    real: RankedChannels, word: Metric, share: float
) -> None:
    price = cost_model.build(real.model, real.dependencies, word)
    goal = share * float(price.cost(real.sizes))
    counts = selection.by_cost(real, word, goal)
    assert float(price.cost(counts)) <= goal
    for number, (count, size) in enumerate(zip(counts, real.sizes, strict=True)):
        more = counts.copy()
        more[number] = min(size, count + real.limits.multiple)
        assert count == size or float(price.cost(more)) > goal


def test_a_goal_below_what_the_multiple_leaves_is_refused(real: RankedChannels) -> None:
    # Of 8 channels a floor of 0.2 leaves 2, of 4 the multiple.
    # 2 of each family are left: 4 x 4 x 9 x 2, 2 x 2 x 9 x 2 x 2, 2 x 2 x 2 x 2 and 2 x 2
    least = 4 * 4 * 9 * 2 + 4 * 9 * 2 * 2 + 4 * 2 * 2 + 2 * 2
    expected = (
        f"prune.target.macs: {least:,} remain with every layer at its floor, or the least multiple "
        "of 2; expected at most 100: lower prune.floor or lower prune.multiple or raise "
        "prune.target.macs"
    )
    with pytest.raises(ConversionError, match=f"^{re.escape(expected)}$"):
        selection.by_cost(real, "macs", 100)


def test_groups_are_in_the_order_of_their_scores_and_of_equals_the_first_goes() -> None:
    keras = keras_session.start(1)
    image = keras.Input((1,), name="image")
    x = keras.layers.Dense(4, use_bias=False, name="a")(image)
    model = keras.Model(image, keras.layers.Dense(1, use_bias=False, name="answer")(x))
    model.set_weights([np.array([[3.0, -1, 1, -2]]), np.ones((4, 1))])
    ranked_channels = of(model, ImportanceScore.l1)
    assert (
        ranked_channels.ranking[0].tolist()
        == ranked_channels.dependencies.families[0].groups[[1, 2, 3, 0]].tolist()
    )


def test_a_family_without_a_score_stays_whole_and_others_of_its_layers_do_not() -> None:
    keras = keras_session.start(1)
    layers = keras.layers
    image = keras.Input((4, 4, 1), name="image")
    a = layers.Conv2D(2, 1, name="a")(image)
    b = layers.BatchNormalization()(layers.Conv2D(3, 1, name="b")(image))
    x = layers.Add()([layers.Concatenate()([a, b]), layers.Conv2D(5, 1, name="c")(image)])
    model = keras.Model(image, layers.Dense(2, name="answer")(layers.GlobalAveragePooling2D()(x)))
    ranked_channels = of(model, ImportanceScore.batch_norm)
    why = "the score batch_norm is not defined for its channels"
    assert [family.layers for family in ranked_channels.dependencies.families] == [("b", "c")]
    assert ranked_channels.dependencies.unpruned == {
        "a": why,
        "c": why,
        "answer": "its channels are the output of the model",
    }
    assert sorted(
        family.layers for family in of(model, ImportanceScore.l1).dependencies.families
    ) == [("a", "c"), ("b", "c")]
    assert (
        ranked_channels.removed_groups(np.array([1.0])).tolist()
        == ranked_channels.ranking[0][:2].tolist()
    )

"""Attention compared with its formula in NumPy."""

import math
from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes
from tests.runtimes.coreml.programs import Array

RANDOM = np.random.default_rng(0)


def _attention(query: Array, key: Array, value: Array, mask: Any = 0.0) -> Array:
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1]) + mask
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Array = (weights / weights.sum(axis=-1, keepdims=True)) @ value
    return result.astype(np.float32)


def _inputs(*batches: int) -> dict[str, Array]:
    """Return three queries of four numbers, five keys, and five values of two numbers."""
    sizes = {"query": (3, 4), "key": (5, 4), "value": (5, 2)}
    return {name: RANDOM.normal(size=(*batches, *size)) for name, size in sizes.items()}


def test_equal_scores_give_the_mean_of_the_values_by_hand() -> None:
    fed = {"query": [[[0.0]]], "key": [[[1.0], [2.0]]], "value": [[[10.0], [30.0]]]}
    assert_computes("scaled_dot_product_attention", fed, {}, [[[20.0]]])


def test_scores_are_divided_by_the_root_of_the_size_by_hand() -> None:
    # (2 log 3) / sqrt(4) against 0: weights 3/4 and 1/4.
    query = [[[2 * math.log(3), 0.0, 0.0, 0.0]]]
    fed = {"query": query, "key": [[[1.0, 0, 0, 0], [0.0, 0, 0, 0]]], "value": [[[4.0], [8.0]]]}
    assert_computes("scaled_dot_product_attention", fed, {}, [[[5.0]]])


@pytest.mark.parametrize("batches", [(1,), (2,), (2, 3)])
def test_attention_in_every_rank(batches: tuple[int, ...]) -> None:
    fed = _inputs(*batches)
    assert_computes("scaled_dot_product_attention", fed, {}, _attention(**fed))


@pytest.mark.parametrize("shape", [(5,), (3, 5), (1, 3, 5), (2, 3, 3, 5)])
def test_a_mask_of_floats_is_added_to_the_scores(shape: tuple[int, ...]) -> None:
    fed, mask = _inputs(2, 3), RANDOM.normal(size=shape)
    expected = _attention(**fed, mask=mask)
    assert_computes("scaled_dot_product_attention", fed | {"attn_mask": mask}, {}, expected)


def test_a_mask_of_bools_says_what_takes_part() -> None:
    fed = _inputs(2, 3)
    mask = np.tril(np.ones((3, 5), bool), 1)
    expected = _attention(**fed, mask=np.where(mask, 0.0, -np.inf))
    assert_computes("scaled_dot_product_attention", fed | {"attn_mask": mask}, {}, expected)

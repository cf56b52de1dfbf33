"""Results are kept within the outermost block, and nowhere else."""

from edgebake.recipe import recipe_cache

calls: list[int] = []


@recipe_cache.once
def _doubled(number: int) -> int:
    calls.append(number)
    return 2 * number


def test_a_function_runs_once_per_argument_within_the_outermost_block() -> None:
    calls.clear()
    with recipe_cache.enabled():
        with recipe_cache.enabled():
            assert [_doubled(1), _doubled(1)] == [2, 2]
        assert [_doubled(1), _doubled(2)] == [2, 4]
    assert calls == [1, 2]


def test_nothing_is_kept_between_blocks_or_outside_them() -> None:
    calls.clear()
    for _ in range(2):
        with recipe_cache.enabled():
            _doubled(1)
        _doubled(1)
    assert calls == [1, 1, 1, 1]

"""Worked examples of relative parity: what it counts, when it is proven, and what it says."""

import pytest

from edgebake.evaluation.gates.parity import RelativeParityTest, agreement_test, relative_test
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.parity import ALL, ONE_RIGHT, Comparison, DifferingExample, Excess

MARGIN = Requirement("parity", "at_most", 0.02, 0.95)
DIFFERING = [
    DifferingExample(7, "cat/7.png", "cat", "cat", 0.6, "dog", 0.5),
    DifferingExample(9, "cat/9.png", "cat", "owl", 0.6, "cat", 0.5),
    DifferingExample(12, "dog/2.png", "dog", "dog", 0.6, "owl", 0.5),
    DifferingExample(13, "dog/3.png", "dog", "cat", 0.6, "owl", 0.5),
]


def _comparison(*excesses: Excess, n: int = 1000, same: int = 950) -> Comparison:
    return Comparison("other_file", "coreml", same, n, 31, 47, 0.1, 0.01, [*excesses], DIFFERING)


def _both(more: int, fewer: int, n: int = 1000) -> Comparison:
    """Return a comparison with the same counts for either file, one answer always being right."""
    excesses = []
    for file in ("a", "b"):
        for counted in (ONE_RIGHT, ALL):
            excesses.append(Excess(file, counted, more, fewer))
    return _comparison(*excesses, n=n)


def _outcome(test: RelativeParityTest, requirement: Requirement = MARGIN) -> str:
    proves, disproves = test.proves(requirement), test.disproves(requirement)
    assert not (proves and disproves)
    return "passed" if proves else "failed" if disproves else "inconclusive"


@pytest.mark.parametrize(
    ("more", "fewer", "n", "outcome"),
    [
        (0, 0, 200, "passed"),  # the bound of none of 200 is 1.50 points
        (0, 0, 140, "inconclusive"),  # of none of 140: 2.1 points
        (29, 52, 1000, "passed"),  # two files that are nearer to each other than to their parent
        (52, 52, 1000, "passed"),  # as far from each other as from their parent
        (52, 42, 1000, "inconclusive"),
        (100, 30, 1000, "failed"),  # one of them is broken on 7 of 100
    ],
)
def test_files_may_differ_as_often_as_each_differs_from_its_parent(
    more: int, fewer: int, n: int, outcome: str
) -> None:
    assert _outcome(relative_test([_both(more, fewer, n)])) == outcome


def test_one_broken_file_is_refused_though_it_differs_from_its_parent_as_often() -> None:
    # B answers wrongly on 100 more examples. Seen from B nothing is odd: it differs as often from
    # its parent. Seen from A, which equals its parent there, the two differ on 100 more.
    from_b = [Excess("b", counted, 10, 10) for counted in (ONE_RIGHT, ALL)]
    from_a = [Excess("a", counted, 100, 10) for counted in (ONE_RIGHT, ALL)]
    assert _outcome(relative_test([_comparison(*from_b)])) == "passed"
    assert _outcome(relative_test([_comparison(*from_b, *from_a)])) == "failed"


def test_examples_with_two_wrong_answers_count_half() -> None:
    # 26 of 1,000 more, which is beyond the margin of 20 where one answer is right.
    both_wrong = _comparison(Excess("a", ONE_RIGHT, 0, 0), Excess("a", ALL, 26, 0))
    one_right = _comparison(Excess("a", ONE_RIGHT, 26, 0), Excess("a", ALL, 26, 0))
    test = relative_test([both_wrong])
    assert _outcome(test) == "passed"
    assert test.worst.value == pytest.approx(0.013)
    assert _outcome(relative_test([one_right])) == "inconclusive"
    assert relative_test([one_right]).worst.value == pytest.approx(0.026)
    many = _comparison(Excess("a", ONE_RIGHT, 0, 0), Excess("a", ALL, 80, 0))
    assert _outcome(relative_test([many])) == "failed"


def test_the_bound_is_the_largest_of_all_tests_and_agrees_with_the_verdict() -> None:
    test = relative_test([_both(10, 2), _both(29, 20), _both(0, 0)])
    bound = test.bound(MARGIN)
    bounds = [relative_test([one]).bound(MARGIN) for one in (_both(10, 2), _both(29, 20))]
    assert bound == max(bounds)
    assert test.proves(Requirement("parity", "at_most", bound, 0.95))
    assert not test.proves(Requirement("parity", "at_most", bound - 1e-4, 0.95))


def test_every_other_runtime_has_to_agree() -> None:
    assert _outcome(relative_test([_both(0, 0), _both(100, 30)])) == "failed"


def test_several_tests_do_not_fail_more_often_by_chance() -> None:
    # P = 0.03 for 30 more and 3 fewer of 1,000: one such test alone is rejected, one of eight not.
    alone = relative_test([_comparison(Excess("a", ONE_RIGHT, 34, 3))])
    among_eight = relative_test([_comparison(Excess("a", ONE_RIGHT, 34, 3)), *[_both(0, 0)] * 2])
    assert (_outcome(alone), _outcome(among_eight)) == ("failed", "inconclusive")


def test_the_note_names_the_other_file_and_three_examples() -> None:
    test = relative_test([_both(100, 30)])
    assert test.note(MARGIN) == test.detail
    assert test.detail == (
        "differs from coreml (other_file) on 50 of 1,000 examples; from the float parent this file "
        "differs on 31, that of coreml on 47; for example cat/7.png: cat, coreml dog, truth cat; "
        "cat/9.png: owl, coreml cat, truth cat; dog/2.png: dog, coreml owl, truth dog"
    )
    assert agreement_test([_both(100, 30)]).detail == test.detail


def test_an_undecided_test_says_how_many_more_examples_would_decide() -> None:
    test = relative_test([_both(0, 0, 140)])
    assert test.note(MARGIN) == f"{test.detail}; about 17 more test examples would decide"
    at_limit = relative_test([_both(20, 0)])
    assert at_limit.note(MARGIN).endswith(
        "the measured value is the limit itself: no number of test examples would decide"
    )


def test_names_of_examples_cannot_act_on_a_terminal() -> None:
    evil = DifferingExample(0, "a\x1b[2J.png", "x", "y", 0.5, "x", 0.5)
    comparison = Comparison("f", "litert", 9, 10, 0, 0, 0.1, 0.1, _both(1, 0).excesses, [evil])
    assert "\x1b" not in relative_test([comparison]).detail

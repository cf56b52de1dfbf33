"""What is drawn depends on names and seed, and on nothing else."""

from edgebake.data.drawing import Candidates, draw

SIZES = {"train": 30, "test": 10, "validation": 5, "calibration": 5}
NAMES = [f"{label}/{number}.png" for label in "abcde" for number in range(10)]
LABELS = {name: "abcde".index(name[0]) for name in NAMES}


def _drawn(names: list[str], seed: int = 0) -> dict[str, list[str]]:
    labels = [LABELS[name] for name in names]
    splits = draw(Candidates(names, labels, []), SIZES, seed)
    return {split: [names[position] for position in drawn] for split, drawn in splits.items()}


def test_the_order_of_listing_does_not_count() -> None:
    assert _drawn(NAMES[::-1]) == _drawn(NAMES)
    assert _drawn(sorted(NAMES, key=lambda name: name[2:])) == _drawn(NAMES)


def test_another_seed_draws_others() -> None:
    assert _drawn(NAMES, seed=1)["test"] != _drawn(NAMES)["test"]


def test_the_drawing_is_the_same_on_every_machine() -> None:
    # SHA-256 of the seed and the name decides, and no random generator.
    assert _drawn(NAMES)["calibration"] == ["e/5.png", "d/1.png", "b/7.png", "a/5.png", "c/6.png"]


def test_the_classes_are_mixed_and_each_is_in_each_split() -> None:
    drawn = _drawn(NAMES)
    for names in drawn.values():
        assert {name[0] for name in names} == set("abcde")
    first = [name[0] for name in drawn["train"][:10]]
    assert first != sorted(first)


def test_an_image_that_is_added_leaves_most_others_where_they_were() -> None:
    names = [*NAMES, "e/10.png"]
    labels = [LABELS.get(name, 4) for name in names]
    splits = draw(Candidates(names, labels, []), {**SIZES, "train": 31}, 0)
    before = _drawn(NAMES)
    moved = 0
    for split, positions in splits.items():
        moved += len({names[position] for position in positions} - set(before[split]))
    assert moved <= 5

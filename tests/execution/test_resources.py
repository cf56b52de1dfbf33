"""What a stage needs of a worker, and how a worker says what it has."""

import pytest

from edgebake.errors import HostError
from edgebake.execution import resources

PLAN = {
    "train": {"small": {"mixed_precision": False}, "large": {"mixed_precision": True}},
    "prune": {"large": {"fine_tune": {"mixed_precision": True}}, "small": {"fine_tune": None}},
    "validate": {
        "a": {"where": "host", "mac": None},
        "b": {"where": "adb", "mac": None},
        "c": {"where": "mac", "mac": {"device": None}},
        "d": {"where": "mac", "mac": {"device": "my iPhone"}},
    },
    "package": {
        "android": {"targets": {"any": {"validate": "a"}, "pixel_8": {"validate": "b"}}},
        "ios": {"targets": {"iphone_15": {"validate": "d"}}},
    },
}


@pytest.mark.parametrize(
    ("stage", "variant", "needs"),
    [
        ("train", "small", {}),
        ("train", "large", {"GPU": 1.0}),
        ("prune", "large", {"GPU": 1.0}),
        ("prune", "small", {}),
        ("validate", "a", {}),
        ("validate", "b", {"device:pixel_8": 1.0}),
        ("validate", "c", {"mac": 1.0}),
        ("validate", "d", {"mac": 1.0, "device:iphone_15": 1.0}),
        ("convert", "a", {}),
        ("parity", "", {}),
    ],
)
def test_needs(stage: str, variant: str, needs: dict[str, float]) -> None:
    assert resources.of_variant(stage, variant, PLAN) == needs


def test_what_a_worker_says_is_read_and_shown_again() -> None:
    parsed = resources.parse("GPU=2,device:pixel_8=1,mac=0.5")
    assert parsed == {"GPU": 2.0, "device:pixel_8": 1.0, "mac": 0.5}
    assert resources.shown(parsed) == "GPU=2,device:pixel_8=1,mac=0.5"


@pytest.mark.parametrize("part", ["GPU", "=1", "slots=2", ""])
def test_what_is_no_resource_is_refused(part: str) -> None:
    with pytest.raises(HostError) as refusal:
        resources.parse(part)
    assert str(refusal.value) == (
        f"--resources: {part!r}; expected NAME=NUMBER once each: GPU=1,device:pixel_8=1,mac=1"
    )


@pytest.mark.parametrize("number", ["0", "-1", "nan", "inf", "one"])
def test_a_resource_is_a_number_above_0(number: str) -> None:
    with pytest.raises(HostError) as refusal:
        resources.parse(f"mac=1,GPU={number}")
    assert str(refusal.value) == (
        f"--resources: 'GPU={number}'; expected a number above 0: GPU=1,device:pixel_8=1,mac=1"
    )

"""Generated gestures: the same bytes everywhere, of people that differ."""

import hashlib
from typing import Any

import numpy as np
import pytest

from edgebake.data.dataset import Examples, assign_splits
from edgebake.data.readers import gesture_model
from edgebake.data.sources import gestures
from edgebake.errors import DataError
from edgebake.recipe import Data, SplitBy, Splits

SHA256 = "c734373074ba1687cee121f4a6e18909f1b10cdc23c37055e7e95a9f38a89a50"


def options(**values: Any) -> Data:
    splits = Splits(SplitBy.group, 0.5, 0.05, 0.1, 0.35, column="person")
    return Data(source="gestures", seed=0, splits=splits, source_options=values)


@pytest.fixture(scope="module")
def examples() -> Examples:
    return gestures.load(options())


@pytest.fixture(scope="module")
def windows(examples: Examples) -> np.ndarray:
    return np.stack([examples.inputs[index] for index in range(len(examples.labels))])


def of(examples: Examples, windows: Any, gesture: str) -> Any:
    return windows[examples.labels == examples.classes.index(gesture)]


def test_all_windows_are_those_that_were_released(windows: Any) -> None:
    assert windows.shape == (3840, 128, 6)  # 120 people, 8 gestures, 4 windows
    assert windows.dtype == np.float32
    assert hashlib.sha256(windows.tobytes()).hexdigest() == SHA256


def test_windows_read_in_another_order_are_the_same(windows: Any) -> None:
    again = gestures.load(options())
    for index in (3839, 5, 2000, 4):
        np.testing.assert_array_equal(again.inputs[index], windows[index])


def test_people_are_in_one_split_each(examples: Examples) -> None:
    assigned = assign_splits(examples, options())
    people = {}
    for split, indices in assigned.items():
        people[split] = {examples.columns["person"][index] for index in indices}
    assert {split: len(names) for split, names in people.items()} == {
        "train": 60,
        "calibration": 6,
        "validation": 12,
        "test": 42,
    }
    assert len(set.union(*people.values())) == 120


def test_a_resting_hand_feels_gravity_alone(examples: Examples, windows: Any) -> None:
    acceleration = of(examples, windows, "rest")[..., :3]
    length = np.linalg.norm(acceleration, axis=2)
    assert abs(np.median(length) - 9.81) < 0.5
    # A shaken one turns at some radians per second.
    turns = np.abs(of(examples, windows, "shake")[..., 3:]).mean(axis=(1, 2))
    assert np.median(turns) > 3 * np.median(np.abs(of(examples, windows, "rest")[..., 3:]))


def test_running_has_a_faster_beat_than_walking(examples: Examples, windows: Any) -> None:
    beats = {}
    for gesture in ("walk", "run"):
        spectrum = np.abs(np.fft.rfft(of(examples, windows, gesture)[..., 2] - 9.81, axis=1))
        beats[gesture] = np.median(spectrum[:, 2:].argmax(axis=1) + 2) * 50 / 128
    assert 1.4 < beats["walk"] < 2.4
    assert beats["run"] > beats["walk"]


def test_values_stay_within_the_range_of_the_sensor(windows: Any) -> None:
    assert np.abs(windows).max() <= np.float32(39.2)


def test_a_watch_is_on_one_wrist(examples: Examples) -> None:
    first = [examples.columns["wrist"][person * 32] for person in range(4)]
    assert first == [gesture_model.wrist_of(0, person) for person in range(4)]
    assert set(examples.columns["wrist"]) == {"left", "right"}


def test_fewer_people_are_the_first_ones(windows: Any) -> None:
    small = gestures.load(options(people=2, windows=4))
    assert gestures.count(options(people=2, windows=4)) == {"": 64}
    np.testing.assert_array_equal(small.inputs[63], windows[63])
    assert small.names[63] == "person 1, walk 3"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"people": 0}, "data.source_options.people: 0; expected 1 or more"),
        ({"windows": -1}, "data.source_options.windows: -1; expected 1 or more"),
        (
            {"people": 10_000, "windows": 10},
            "data.source_options: 800,000 windows; expected at most 200,000: "
            "people * windows * 8 gestures",
        ),
    ],
)
def test_wrong_options_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as error:
        gestures.count(options(**values))
    assert str(error.value) == message

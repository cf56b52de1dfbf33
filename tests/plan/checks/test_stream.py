"""Options of apps that listen to a stream."""

from dataclasses import dataclass
from typing import Any

import pytest

from edgebake.evaluation import streams
from edgebake.plan.checks import stream
from edgebake.recipe import AlarmCeiling, Recipe, Smooth
from edgebake.tasks.tensors import ContractInput, TensorSpec


def _recipe(kind: str = "audio") -> Recipe:
    recipe = Recipe()
    recipe.data.input.kind = kind
    recipe.package.smooth = Smooth(over=3, hold=2)
    recipe.validate.budget.false_alarms_per_hour = AlarmCeiling(
        required=True, at_most=60, labels=["silence"]
    )
    return recipe


def test_a_stream_of_sounds_can_be_smoothed_and_gated() -> None:
    assert not list(stream.check(_recipe()))


def test_without_smoothing_there_is_nothing_to_check() -> None:
    recipe = _recipe()
    recipe.package.smooth = None
    recipe.validate.budget.false_alarms_per_hour = None
    assert not list(stream.check(recipe))


def test_false_alarms_need_the_smoothing_of_the_app() -> None:
    recipe = _recipe()
    recipe.package.smooth = None
    problem = "null; expected over and hold, with which"
    gate = "validate.budget.false_alarms_per_hour"
    assert list(stream.check(recipe)) == [("package.smooth", f"{problem} {gate} is measured")]


def test_images_are_no_stream() -> None:
    problem = "has values; expected null: an input of the kind image is no stream"
    assert list(stream.check(_recipe("image"))) == [("package.smooth", problem)]


@dataclass
class TideOptions:
    """Options of a kind of a project."""

    hop: int


class Tides:
    """A kind of a project: levels of the sea, some of which begin with a rate."""

    options = TideOptions

    def __init__(self, *steps: dict[str, Any]) -> None:
        self.spec = ContractInput("tides", "tides", TensorSpec("tides", (4,), "float32"), steps)

    def contract_input(self, _: object) -> ContractInput:
        return self.spec


CLIP = {"step": "clip", "samples": 4, "hop": 2}


def _problems_of(kind: Tides, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    monkeypatch.setattr(stream, "load_input", lambda _: kind)
    return list(stream.check(_recipe("tides")))


def test_a_kind_of_a_project_with_a_rate_is_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Tides({"step": "tides.level", "rate_hz": 0.5}, CLIP)
    assert not _problems_of(kind, monkeypatch)
    levels = [[0, 1, 2], [3, 4, 5]]
    heard = streams.build(kind.spec, levels, ["ebb"])
    assert [clip.tolist() for clip in heard.clips] == [[0, 1, 2, 3], [2, 3, 4, 5]]
    assert heard.hours == pytest.approx(6 / 0.5 / 3600)


@pytest.mark.parametrize(
    "steps",
    [
        ({"step": "tides.level"}, CLIP),
        ({"step": "tides.level", "rate_hz": 0.5},),
        ({"step": "tides.level", "rate_hz": 0.5}, {"step": "clip", "samples": 4}),
    ],
    ids=["no rate", "no clip", "no hop"],
)
def test_a_stream_has_a_rate_and_clips(
    steps: tuple[dict[str, Any], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = (
        "has values; expected null, or that the steps of the kind tides begin with one that has "
        "rate or rate_hz, and have one clip with samples and hop"
    )
    assert _problems_of(Tides(*steps), monkeypatch) == [("package.smooth", problem)]


def test_a_mean_is_of_a_clip_or_more() -> None:
    recipe = _recipe()
    recipe.package.smooth = Smooth(over=0, hold=2000)
    assert list(stream.check(recipe)) == [
        ("package.smooth.over", "0; expected 1 to 1,000 clips"),
        ("package.smooth.hold", "2,000; expected 1 to 1,000 clips"),
    ]


def test_a_gate_names_labels() -> None:
    recipe = _recipe()
    gate = recipe.validate.budget.false_alarms_per_hour
    assert gate is not None
    gate.labels = []
    key = "validate.budget.false_alarms_per_hour.labels"
    problem = "none; expected labels of examples with nothing to hear"
    assert list(stream.check(recipe)) == [(key, problem)]

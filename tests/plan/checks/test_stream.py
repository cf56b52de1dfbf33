"""Options of apps that listen to a stream."""

from edgebake.plan.checks import stream
from edgebake.recipe import AlarmCeiling, Recipe, Smooth


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

"""Values of YAML are compared with the dataclasses of recipes, in our words."""

from typing import Any

import pytest

from edgebake.recipe import Data, Device, FineTune, Quantize, Recipe, Train, Validate, field_types


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"epochs": None}, "train.epochs: null; expected a whole number"),
        ({"epochs": "many"}, "train.epochs: 'many'; expected a whole number"),
        ({"epochs": 1.5}, "train.epochs: 1.5; expected a whole number"),
        ({"epochs": True}, "train.epochs: true; expected a whole number"),
        ({"epochs": [1]}, "train.epochs: a list; expected a whole number"),
        (
            {"epochs": 2**63},
            "train.epochs: 9223372036854775808; expected a whole number of at most "
            "9223372036854775807",
        ),
        ({"learning_rate": float("inf")}, "train.learning_rate: inf; expected a finite number"),
        ({"learning_rate": float("nan")}, "train.learning_rate: nan; expected a finite number"),
        ({"learning_rate": "fast"}, "train.learning_rate: 'fast'; expected a number"),
        ({"layers": "*"}, "train.layers: '*'; expected a list, [*]"),
        ({"layers": [None]}, "train.layers[0]: null; expected a text"),
        ({"mixed_precision": 1}, "train.mixed_precision: 1; expected true or false"),
        (
            {"schedule": "cosin"},
            "train.schedule: 'cosin'; expected one of: constant, cosine, linear; "
            "did you mean 'cosine'?",
        ),
        (
            {"early_stopping": 5},
            "train.early_stopping: 5; expected the keys monitor, patience below it",
        ),
        ({"augment": {"crop": {}}}, "train.augment.crop: a mapping; expected a number, or null"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(value: Any, problem: str) -> None:
    assert [f"{key}: {text}" for key, text in field_types.problems(value, Train, "train")] == [
        problem
    ]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, []),
        ("auto", []),
        (["PRELU", "TILE"], []),
        (True, ["quantize.fallback: true; expected a text, or null"]),
        (["PRELU", 1.5], ["quantize.fallback[1]: 1.5; expected a text, in quotes"]),
    ],
)
def test_a_word_or_a_list_of_words(value: object, problem: list[str]) -> None:
    assert "fallback" not in field_types.missing({"fallback": value}, Quantize, "")
    problems = field_types.problems({"fallback": value}, Quantize, "quantize")
    assert [f"{key}: {text}" for key, text in problems] == problem


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Train, {"epochs": "30", "learning_rate": 1, "augment": None, "mixed_precision": "yes"}),
        (Data, {"path": "???", "labels": "${data.path}", "mean": [1, 2.5]}),
        (Device, {"minimum_os": 34}),
        (Validate, {"waivers": [{"gate": "accuracy"}]}),
        (Recipe, {"prune": {"fine_tune": {"distill": {"alpha": 0.5}}}}),
    ],
)
def test_sound_values_have_no_problem(annotation: Any, value: Any) -> None:
    assert list(field_types.problems(value, annotation, "")) == []


def test_a_number_that_yaml_would_shorten_is_no_text() -> None:
    assert list(field_types.problems({"minimum_os": 17.1}, Device, "device")) == [
        ("device.minimum_os", "17.1; expected a text, in quotes")
    ]


def test_the_type_of_a_dotted_key() -> None:
    assert field_types.type_at(Recipe, "prune.fine_tune") == FineTune | None
    assert field_types.type_at(Recipe, "prune.fine_tun") is None
    assert field_types.type_at(Recipe, "train.epochs.x") is None


def test_fields_without_a_default_are_missing() -> None:
    value = {"epochs": 1, "batch_size": 8, "learning_rate": 0.1, "seed": 0, "early_stopping": {}}
    assert list(field_types.missing(value, Train, "")) == [
        "threads",
        "early_stopping.monitor",
        "early_stopping.patience",
    ]


def test_values_of_any_type_have_no_problem() -> None:
    values = {"rate": 16000, "words": ["yes"], "filter": {"low": 20.0}, "seed": None}
    assert list(field_types.problems(values, dict[str, Any], "data.source_options")) == []
    assert list(field_types.missing(values, dict[str, Any], "data.source_options")) == []

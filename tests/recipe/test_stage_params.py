"""params.yaml is read as a whole plan, or as none."""

import pytest

from edgebake.documents import strict_yaml
from edgebake.errors import RecipeError
from edgebake.plan.planner import HEADER
from edgebake.recipe.stage_params import Plan, parse, parse_plan


def test_the_planners_plan_is_read_back(planned: Plan) -> None:
    assert parse_plan((HEADER + strict_yaml.dump(planned)).encode()) == planned


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"null\n"])
def test_an_empty_file_is_no_plan(data: bytes) -> None:
    assert parse_plan(data) == {}


@pytest.mark.parametrize("data", [b"[]\n", b"0\n", b"false\n", b"''\n", b"[a]\n", b"a\n"])
def test_what_is_no_mapping_is_refused(data: bytes) -> None:
    with pytest.raises(RecipeError) as refused:
        parse_plan(data)
    assert str(refused.value) == (
        "params.yaml: not a plan; expected a mapping from stage to variants: run `edgebake plan`"
    )


def test_a_plan_of_some_stages_is_refused(planned: Plan) -> None:
    part = {"package": planned["package"]}
    with pytest.raises(RecipeError) as refused:
        parse_plan(strict_yaml.dump(part).encode())
    assert str(refused.value) == (
        "params.yaml: data: not a plan; expected a mapping from variant to parameters: "
        "run `edgebake plan`"
    )


def test_a_text_like_a_number_is_read_from_a_plan_as_a_text(planned: Plan) -> None:
    bundle = planned["package"]["linux"]
    bundle = {**bundle, "about": {**bundle["about"], "author": "1e5"}}
    plan = {**planned, "package": {**planned["package"], "linux": bundle}}
    assert parse_plan(strict_yaml.dump(plan).encode()) == plan


def test_a_value_that_refers_to_another_is_read_as_that(planned: Plan) -> None:
    params = {**planned["train"]["digits-ds_cnn"], "epochs": "${batch_size}"}
    assert parse("train", "digits-ds_cnn", params).epochs == params["batch_size"]


def test_a_reference_to_nothing_is_refused_with_its_variant(planned: Plan) -> None:
    params = {**planned["train"]["digits-ds_cnn"], "epochs": "${nothing}"}
    with pytest.raises(RecipeError, match=r"^params.yaml: train.digits-ds_cnn"):
        parse("train", "digits-ds_cnn", params)

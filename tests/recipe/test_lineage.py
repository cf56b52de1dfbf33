"""What led to a target: its sections, their digest, their tools."""

import pytest

from edgebake.plan.compose import Target
from edgebake.plan.variants import merge
from edgebake.recipe import Release
from edgebake.recipe.lineage import recipe_digest, tool_versions, trace
from edgebake.recipe.stage_params import Plan

PLAN: Plan = {
    "train": {
        "t": {"epochs": 3, "tools": {"numpy": "2", "keras": "3"}},
        "other": {"epochs": 9, "tools": {}},
    },
    "prune": {"p": {"train": "t", "tools": {}}},
    "quantize": {"q": {"prune": "p", "tools": {"numpy": "2"}}},
    "convert": {"c": {"quantize": "q", "tools": {"onnx": "1"}}},
    "validate": {"v": {"convert": "c", "tools": {"numpy": "2"}}},
}


def test_chain_holds_one_section_of_each_stage() -> None:
    found = trace(PLAN, "v")
    assert found == {stage: next(iter(variants.values())) for stage, variants in PLAN.items()}


def test_tools_are_those_of_every_stage_each_once_and_sorted() -> None:
    assert list(tool_versions(trace(PLAN, "v")).items()) == [
        ("keras", "3"),
        ("numpy", "2"),
        ("onnx", "1"),
    ]


TARGET = {
    "validate": "v",
    "device": {"name": "phone"},
    "budget": {"size_mb": 20},
    "waivers": [{"gate": "size_mb"}],
    "package": {"top_k": 3},
}


def test_digest_does_not_depend_on_the_order_of_words() -> None:
    assert recipe_digest({"train": {"a": 1, "b": 2}}, TARGET) == recipe_digest(
        {"train": {"b": 2, "a": 1}}, TARGET
    )
    assert recipe_digest({"train": {"a": 1}}, TARGET) != recipe_digest({"train": {"a": 2}}, TARGET)


@pytest.mark.parametrize("word", ["device", "budget", "waivers", "package"])
def test_digest_covers_what_package_alone_reads(word: str) -> None:
    assert recipe_digest({}, TARGET) != recipe_digest({}, {**TARGET, word: {}})


def test_the_plan_gives_each_target_the_digest_of_its_chain(
    release: Release, composed: dict[str, Target]
) -> None:
    plan: Plan = merge(release, list(composed.values()))
    targets = [
        target for section in plan["package"].values() for target in section["targets"].values()
    ]
    assert [target["recipe_sha256"] for target in targets] == [
        recipe_digest(trace(plan, target["validate"]), target) for target in targets
    ]
    assert len({target["recipe_sha256"] for target in targets}) == len(composed)

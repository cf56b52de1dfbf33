"""A chain ends, and each of its targets is some device's first."""

from typing import Any, cast

import pytest

from edgebake.bundle import fallback_order
from edgebake.bundle.manifest_types import DeviceEntry, DeviceRule
from edgebake.plan.compose import Target
from edgebake.recipe import Recipe


def _target(
    minimum_os: str = "23", accelerators: tuple[str, ...] = ("cpu",), **rule: Any
) -> DeviceEntry:
    any_device: DeviceRule = {
        "name": "",
        "minimum_os": minimum_os,
        "soc": [],
        "memory_mb": None,
        "features": [],
        "devices": [],
        "excluded_devices": [],
    }
    return {
        "device": cast("DeviceRule", {**any_device, **rule}),
        "accelerators": list(accelerators),
    }


ANY = _target()


def _problems(**targets: DeviceEntry) -> list[str]:
    return list(fallback_order.find_problems(targets))


def test_a_chain_that_narrows_no_later_target_and_ends_is_sound() -> None:
    assert (
        _problems(fast=_target("34", soc=["G3"]), small=_target("33", memory_mb=3000), any=ANY)
        == []
    )


def test_one_target_for_every_device_is_a_chain() -> None:
    assert _problems(any=ANY) == []


LAST = "expected a target after it that every device can run"


@pytest.mark.parametrize(
    ("rule", "restrictions"),
    [
        ({"soc": ["G3"]}, "soc"),
        ({"memory_mb": 2000, "features": ["gps"]}, "memory_mb, features"),
        ({"devices": ["a/b"]}, "devices"),
        ({"excluded_devices": ["a/b"]}, "excluded_devices"),
    ],
)
def test_a_last_target_that_asks_for_something_is_refused(
    rule: dict[str, Any], restrictions: str
) -> None:
    assert _problems(only=_target(**rule)) == [
        f"only: the last target of its platform requires {restrictions}; {LAST}"
    ]


def test_a_last_target_that_needs_a_newer_system_than_others_is_refused() -> None:
    assert _problems(old=_target("21", soc=["G1"]), any=ANY) == [
        "any: requires system 23 or newer, and old is for 21 and newer; "
        "expected the last target to have the lowest requirement"
    ]


def test_a_last_target_without_the_cpu_is_refused() -> None:
    assert _problems(any=_target(accelerators=("gpu", "npu"))) == [
        "any: not for the CPU, which every device has; "
        "expected cpu among the last target's accelerators"
    ]


def test_a_target_behind_one_for_all_its_devices_is_refused() -> None:
    assert _problems(wide=_target("30"), narrow=_target("34", soc=["G3"]), any=ANY) == [
        "narrow: no device tries it first: all its devices try wide, which comes before it; "
        "expected narrow to come first, or to be for other devices"
    ]


def test_the_same_devices_twice_are_refused() -> None:
    assert (
        len(_problems(one=_target("34", soc=["G3"]), two=_target("34", soc=["G3"]), any=ANY)) == 1
    )


@pytest.mark.parametrize(
    ("rule", "superset", "narrower"),
    [
        ({}, {}, True),
        ({"soc": ["a"]}, {}, True),
        ({}, {"soc": ["a"]}, False),
        ({"soc": ["a"]}, {"soc": ["a", "b"]}, True),
        ({"soc": ["a", "b"]}, {"soc": ["a"]}, False),
        ({"memory_mb": 4000}, {"memory_mb": 3000}, True),
        ({"memory_mb": 3000}, {"memory_mb": 4000}, False),
        ({}, {"memory_mb": 1}, False),
        ({"features": ["x", "y"]}, {"features": ["x"]}, True),
        ({"features": ["x"]}, {"features": ["x", "y"]}, False),
        ({"devices": ["d"]}, {"devices": ["d", "e"]}, True),
        ({}, {"excluded_devices": ["d"]}, False),
        ({"excluded_devices": ["d", "e"]}, {"excluded_devices": ["d"]}, True),
        ({"devices": ["e"]}, {"excluded_devices": ["d"]}, True),
        ({"devices": ["d", "e"]}, {"excluded_devices": ["d"]}, False),
        ({"devices": ["d", "e"], "excluded_devices": ["d"]}, {"excluded_devices": ["d"]}, True),
    ],
)
def test_a_rule_narrows_another_where_every_device_of_it_meets_the_other(
    rule: dict[str, Any], superset: dict[str, Any], narrower: bool
) -> None:
    rules = (_target(**rule)["device"], _target(**superset)["device"])
    assert fallback_order.is_subset(*rules) is narrower


def test_an_older_system_is_the_wider_rule() -> None:
    assert fallback_order.is_subset(_target("34")["device"], _target("33")["device"])
    assert not fallback_order.is_subset(_target("33")["device"], _target("34")["device"])


def test_an_iphone_is_known_by_its_model_and_not_by_its_chip(
    core_ml_recipe: Recipe, recipe: Recipe
) -> None:
    rule = fallback_order.device_entry(core_ml_recipe.device)["device"]
    assert (rule["soc"], rule["devices"]) == ([], ["iPhone15,4", "iPhone15,5"])
    assert core_ml_recipe.device.soc == ["A16 Bionic"]
    assert fallback_order.device_entry(recipe.device)["device"]["soc"] == ["Tensor G3"]


def test_the_projects_own_release_has_a_chain_per_platform(composed: dict[str, Target]) -> None:
    for platform, names in {
        "android": ["pixel_8", "galaxy_a14", "android_any"],
        "ios": ["iphone_15", "iphone_se_3", "ios_any"],
        "linux": ["raspberry_pi_5", "linux_any"],
    }.items():
        devices = {name: composed[name].recipe.device for name in names}
        assert {device.platform.value for device in devices.values()} == {platform}
        entries = {name: fallback_order.device_entry(device) for name, device in devices.items()}
        assert list(fallback_order.find_problems(entries)) == []


def test_targets_of_another_use_are_no_alternatives() -> None:
    audio = fallback_order.use_of("classification", ["audio"])
    text = fallback_order.use_of("classification", ["text"])
    assert (audio, text) == ("classification of audio", "classification of text")
    uses = {"commands_new": audio, "language_any": text, "commands_any": audio}
    assert fallback_order.group(uses) == {
        audio: ["commands_new", "commands_any"],
        text: ["language_any"],
    }
    assert fallback_order.use_of("detection", ["image", "text"]) == "detection of image and text"

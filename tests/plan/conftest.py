"""Plans that tests of planning share."""

from copy import deepcopy

import pytest

from edgebake.plan import variants
from edgebake.plan.compose import Target
from edgebake.recipe import Release
from edgebake.recipe.stage_params import Plan

RELEASED = ("pixel_8", "android_any", "iphone_15", "iphone_se_3", "raspberry_pi_5")


@pytest.fixture(scope="module")
def five(release: Release, composed: dict[str, Target]) -> Plan:
    return variants.merge(release, [composed[name] for name in RELEASED])


@pytest.fixture(scope="module")
def reseeded(release: Release, composed: dict[str, Target]) -> Plan:
    """The same five targets, trained from other weights."""
    targets = [deepcopy(composed[name]) for name in RELEASED]
    for target in targets:
        target.recipe.train.seed = 77
    return variants.merge(release, targets)

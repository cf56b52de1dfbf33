"""What must hold between the targets of a release, checked before any work starts.

Reads and writes nothing.
"""

from collections.abc import Sequence

from edgebake.bundle import fallback_order
from edgebake.errors import RecipeError
from edgebake.plan.compose import Target
from edgebake.recipe import Platform, Protect, Release


def check(release: Release, asked: Sequence[Target]) -> None:
    """Refuse a release whose bundles could not be made, or would leave a device without a file.

    Raises:
        RecipeError: naming the key of recipes/release.yaml.
    """
    _refuse_broken_chains(asked)
    _refuse_encryption_without_key(release, asked)


def _refuse_broken_chains(asked: Sequence[Target]) -> None:
    """Refuse a release that leaves a device of a platform without a file, or a target without a device."""
    for platform in Platform:
        targets = {
            one.name: fallback_order.device_entry(one.recipe.device)
            for one in asked
            if one.recipe.device.platform is platform
        }
        for problem in fallback_order.find_problems(targets) if targets else ():
            raise RecipeError(f"recipes/release.yaml: targets: {problem}")


def _refuse_encryption_without_key(release: Release, asked: Sequence[Target]) -> None:
    for one in asked:
        if one.recipe.package.protect is Protect.encrypt and release.encryption_key is None:
            raise RecipeError(
                f"recipes/release.yaml: encryption_key: null; {one.name} says `protect: encrypt`: "
                "expected file:PATH or env:NAME"
            )

"""What must hold in a recipe for Core ML: a deployment target holds the operators of its iOS version, and no others.

Source: the `constexpr_` operators and `quantize` in coremltools' MIL documentation, by iOS version.
"""

from collections.abc import Iterator

from edgebake.errors import listed
from edgebake.recipe import Compression, CoreML, Platform, Precision, Recipe
from edgebake.runtimes.coreml import first_versions

DEPLOYMENT_TARGETS = (
    "iOS15",
    "iOS16",
    "iOS17",
    "iOS18",
    "iOS26",
)  # those that hold an ML Program, in coremltools 9
# Schemes that say by themselves in what floats a program computes. With int8 activations the rest is float16:
# coremltools writes every scale as float16, and `quantize` takes one of its input's own dtype alone.
PRECISION = {
    "none": Precision.float32,
    "float16": Precision.float16,
    "int8": Precision.float16,
    "mixed": Precision.float16,
}

TARGET = "convert.coreml.minimum_deployment_target"


def check(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield every problem of a recipe whose runtime is Core ML."""
    words = recipe.convert.coreml
    if words is None:
        yield "convert.coreml", "null; expected the words that only coreml has"
        return
    if words.minimum_deployment_target not in DEPLOYMENT_TARGETS:
        yield (
            TARGET,
            f"{words.minimum_deployment_target}; expected one of: {listed(DEPLOYMENT_TARGETS)}",
        )
        return
    yield from _devices_have_the_version(recipe, words)
    yield from _version_holds_the_scheme(recipe, words)
    yield from _precision_is_the_schemes(recipe, words)
    yield from _resolutions_can_be_taken(recipe, words)


def version(words: CoreML) -> int:
    """Return the iOS version of a deployment target, 16 for iOS16."""
    return int(words.minimum_deployment_target.removeprefix("iOS"))


def _devices_have_the_version(recipe: Recipe, words: CoreML) -> Iterator[tuple[str, str]]:
    system = recipe.device.minimum_os.split(".")[0]
    is_ios = recipe.device.platform is Platform.ios and system.isdigit()
    if is_ios and version(words) > int(system):
        name = recipe.device.name
        yield (
            TARGET,
            f"{words.minimum_deployment_target}; {name} may run iOS {system}, expected at most that",
        )


def _version_holds_the_scheme(recipe: Recipe, words: CoreML) -> Iterator[tuple[str, str]]:
    scheme = recipe.quantize.scheme
    needed = {scheme: first_versions().get(scheme, 0), **_needed_by(recipe.quantize.compression)}
    for what, first in needed.items():
        if version(words) < first:
            yield TARGET, f"{words.minimum_deployment_target}; {what} expects iOS{first} or newer"


def _needed_by(compression: Compression) -> dict[str, int]:
    palette = compression.palette
    if palette is None:
        return {}
    asked = {
        "palette.bits: 3": palette.bits == 3,
        "palette.group_size": palette.group_size is not None,
        "palette.per_channel_scale": palette.per_channel_scale,
    }
    return {what: 18 for what, is_asked in asked.items() if is_asked}


def _precision_is_the_schemes(recipe: Recipe, words: CoreML) -> Iterator[tuple[str, str]]:
    scheme, asked = recipe.quantize.scheme, words.compute_precision
    wanted = PRECISION.get(scheme, asked)
    if asked is not wanted:
        key = "convert.coreml.compute_precision"
        yield key, f"{asked.value}; the scheme {scheme} computes in {wanted.value}, expected that"


def _resolutions_can_be_taken(recipe: Recipe, words: CoreML) -> Iterator[tuple[str, str]]:
    own, among = recipe.model.resolution, words.resolution_range
    if words.resolutions and among is not None:
        yield (
            "convert.coreml.resolutions",
            "stands beside resolution_range; expected one of the two",
        )
    if any(size < 1 for size in words.resolutions):
        yield "convert.coreml.resolutions", f"{min(words.resolutions)}; expected 1 or more"
    if among is not None and not 1 <= among.smallest <= own <= among.largest:
        found = f"{among.smallest} to {among.largest}"
        yield (
            "convert.coreml.resolution_range",
            f"{found}; expected a range that holds the model's {own}",
        )

"""Checks of recipes for Core ML: a deployment target supports only operators of its iOS version.

Source: the `constexpr_` operators and `quantize` in coremltools' MIL documentation, by iOS version.
"""

from collections.abc import Iterator
from dataclasses import replace

from edgebake.errors import Problem, listed
from edgebake.recipe import Compression, CoreML, Platform, Precision, Recipe
from edgebake.runtimes.coreml import first_versions
from edgebake.tasks.tensors import IMAGE

# The deployment targets with ML Programs, in coremltools 9.
DEPLOYMENT_TARGETS = ("iOS15", "iOS16", "iOS17", "iOS18", "iOS26")
# Schemes that determine the float type of a program. With int8 activations it is float16:
# coremltools writes every scale as float16, and `quantize` requires the dtype of its input.
PRECISION = {
    "none": Precision.float32,
    "float16": Precision.float16,
    "int8": Precision.float16,
    "mixed": Precision.float16,
}

TARGET = "convert.coreml.minimum_deployment_target"


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of a recipe whose runtime is Core ML."""
    options = recipe.convert.coreml
    if options is None:
        yield "convert.coreml", "null; expected the options of coreml"
        return
    target = options.minimum_deployment_target
    if target not in DEPLOYMENT_TARGETS:
        yield TARGET, f"{target}; expected one of: {listed(DEPLOYMENT_TARGETS)}"
        return
    yield from _check_device_version(recipe, options)
    yield from _check_scheme_version(recipe, options)
    yield from _check_precision(recipe, options)
    yield from _check_resolutions(recipe, options)


def other_options(recipe: Recipe) -> Iterator[dict[str, object]]:
    """Yield values for the scheme: its precision, with each deployment target that the device has.

    The option's own target comes first, then newer ones.
    """
    options = recipe.convert.coreml
    if options is None:
        return
    own_target = options.minimum_deployment_target
    precision = PRECISION.get(recipe.quantize.scheme, options.compute_precision)
    for target in DEPLOYMENT_TARGETS:
        is_newer = target == own_target or int(target[3:]) > ios_version(options)
        newer = replace(options, minimum_deployment_target=target)
        if not is_newer or any(_check_device_version(recipe, newer)):
            continue
        values: dict[str, object] = {}
        if target != own_target:
            values["minimum_deployment_target"] = target
        if precision is not options.compute_precision:
            values["compute_precision"] = precision.value
        yield {"coreml": values}


def ios_version(options: CoreML) -> int:
    """Return the iOS version of a deployment target, e.g. 16 for iOS16."""
    return int(options.minimum_deployment_target.removeprefix("iOS"))


def _check_device_version(recipe: Recipe, options: CoreML) -> Iterator[Problem]:
    device = recipe.device
    oldest_version = device.minimum_os.split(".")[0]
    if device.platform is not Platform.ios or not oldest_version.isdigit():
        return
    if ios_version(options) > int(oldest_version):
        target = options.minimum_deployment_target
        yield (
            TARGET,
            f"{target}; {device.name} may run iOS {oldest_version}, expected at most that",
        )


def _check_scheme_version(recipe: Recipe, options: CoreML) -> Iterator[Problem]:
    scheme = recipe.quantize.scheme
    required = {scheme: first_versions().get(scheme, 0)}
    required |= _required_versions(recipe.quantize.compression)
    for feature, version in required.items():
        if ios_version(options) < version:
            target = options.minimum_deployment_target
            yield TARGET, f"{target}; {feature} expects iOS{version} or newer"


def _required_versions(compression: Compression) -> dict[str, int]:
    """Return the first iOS version with each of the palette's features that a recipe uses."""
    palette = compression.palette
    if palette is None:
        return {}
    is_used = {
        "palette.bits: 3": palette.bits == 3,
        "palette.group_size": palette.group_size is not None,
        "palette.per_channel_scale": palette.per_channel_scale,
    }
    return {feature: 18 for feature, used in is_used.items() if used}


def _check_precision(recipe: Recipe, options: CoreML) -> Iterator[Problem]:
    scheme = recipe.quantize.scheme
    precision = options.compute_precision
    expected = PRECISION.get(scheme, precision)
    if precision is not expected:
        yield (
            "convert.coreml.compute_precision",
            f"{precision.value}; the scheme {scheme} computes in {expected.value}, expected that",
        )


def _check_resolutions(recipe: Recipe, options: CoreML) -> Iterator[Problem]:
    resolution, limits = recipe.model.resolution, options.resolution_range
    kind = recipe.data.input.kind
    if kind != IMAGE and (options.resolutions or limits is not None):
        yield (
            "convert.coreml.resolutions",
            f"set, and data.input.kind is {kind}; expected none: only images have other sizes",
        )
        return
    if options.resolutions and limits is not None:
        yield (
            "convert.coreml.resolutions",
            "set together with resolution_range; expected one of the two",
        )
    if any(size < 1 for size in options.resolutions):
        yield "convert.coreml.resolutions", f"{min(options.resolutions)}; expected 1 or more"
    if limits is None or resolution is None:
        return
    if not 1 <= limits.smallest <= resolution <= limits.largest:
        yield (
            "convert.coreml.resolution_range",
            f"{limits.smallest} to {limits.largest}; "
            f"expected a range that holds the model's {resolution}",
        )

"""What must hold between the words of `quantize`, `convert` and the device: a part of plan/checks/recipe.py."""

import math
from collections.abc import Iterator
from typing import Any

from edgebake import plugins
from edgebake.compression.quantization.schemes import AUTO, AUTO_OPTIONS, SCHEMES
from edgebake.errors import listed
from edgebake.recipe import Recipe
from edgebake.runtimes.interface import load_runtime, schemes_of

Problem = tuple[str, str]

PALETTE_BITS = (1, 2, 3, 4, 6, 8)
# Keys whose problems say that an option does not fit this runtime or device, and not that somebody made a mistake.
FIT = (
    *(
        "quantize",
        "quantize.fallback_dtype",
        "quantize.compression.block_size",
        "convert.input",
        "convert.output",
    ),
    *(
        "convert.coreml.minimum_deployment_target",
        "convert.coreml.compute_precision",
        "validate.budget.accuracy",
    ),
)


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of how a recipe quantizes."""
    if recipe.quantize.scheme != AUTO:
        yield from _runtime_carries_the_scheme(recipe)
        yield from _device_runs_the_scheme(recipe)
        yield from _runtime_has_the_ends(recipe)
    for rule in (
        _scheme_has_its_words,
        _weights_can_be_compressed,
        _calibration_says_how,
        _training_can_run,
    ):
        yield from rule(recipe)


def _runtime_carries_the_scheme(recipe: Recipe) -> Iterator[Problem]:
    name, scheme, keep = (
        recipe.convert.runtime,
        recipe.quantize.scheme,
        recipe.quantize.fallback_dtype,
    )
    facts = load_runtime(name).facts
    schemes = schemes_of(name)
    if scheme not in schemes:
        yield "quantize", f"{name} cannot carry {scheme}; expected one of: {listed(schemes)}"
    elif keep is not None and keep.value not in facts.fallback_dtypes:
        expected = listed(facts.fallback_dtypes)
        yield (
            "quantize.fallback_dtype",
            f"{name} cannot keep layers in {keep.value}; expected one of: {expected}",
        )
    blocks = facts.block_sizes
    asked = recipe.quantize.compression.block_size
    if blocks and asked is not None and asked not in blocks:
        expected = listed(map(str, blocks))
        yield "quantize.compression.block_size", f"{asked}; {name} expects one of: {expected}"


def _device_runs_the_scheme(recipe: Recipe) -> Iterator[Problem]:
    needed = SCHEMES[recipe.quantize.scheme].arithmetic
    runs = [dtype.value for dtype in recipe.device.dtypes]
    if needed not in runs:
        wanted = f"the scheme {recipe.quantize.scheme} computes in {needed}"
        yield (
            "quantize",
            f"{wanted}, which {recipe.device.name} cannot run; it runs: {listed(runs)}",
        )


def _runtime_has_the_ends(recipe: Recipe) -> Iterator[Problem]:
    name, scheme = recipe.convert.runtime, recipe.quantize.scheme
    possible = load_runtime(name).facts.io_dtypes.get(SCHEMES[scheme].activations, ())
    for word in ("input", "output"):
        wish = getattr(recipe.convert, word)
        if wish is not None and wish.value not in possible:
            expected = f"null or one of: {listed(possible)}" if possible else "null"
            yield (
                f"convert.{word}",
                f"{wish.value}; {name} with the scheme {scheme} expects {expected}",
            )


def _scheme_has_its_words(recipe: Recipe) -> Iterator[Problem]:
    words = recipe.quantize
    wanted = AUTO_OPTIONS if words.scheme == AUTO else SCHEMES[words.scheme].options
    given: dict[str, Any] = {
        f"compression.{word}": value for word, value in vars(words.compression).items()
    }
    given |= {
        word: getattr(words, word) for word in ("granularity", "fallback_dtype", "candidates")
    }
    for key, value in given.items():
        needed = key.removeprefix("compression.") in wanted
        if needed and value is None:
            yield f"quantize.{key}", f"null; the scheme {words.scheme} expects it"
        if not needed and value is not None:
            yield f"quantize.{key}", f"has a value; expected null for the scheme {words.scheme}"
    if words.candidates == []:
        yield "quantize.candidates", "empty; expected options of quantize, the cheapest first"
    budget = recipe.validate.budget
    if (
        words.fallback_dtype is not None
        and budget.accuracy is None
        and budget.accuracy_drop is None
    ):
        yield (
            "validate.budget.accuracy",
            f"null; the scheme {words.scheme} expects it, or accuracy_drop, to know what to keep",
        )


def _weights_can_be_compressed(recipe: Recipe) -> Iterator[Problem]:
    key, asked = "quantize.compression", recipe.quantize.compression
    if asked.sparsity is not None and not 0 < asked.sparsity < 1:
        yield f"{key}.sparsity", f"{asked.sparsity:g}; expected a share between 0 and 1"
    if asked.block_size is not None and asked.block_size < 2:
        yield f"{key}.block_size", f"{asked.block_size}; expected 2 or more"
    if asked.palette is None:
        return
    if asked.palette.bits not in PALETTE_BITS:
        yield (
            f"{key}.palette.bits",
            f"{asked.palette.bits}; expected one of: {listed(map(str, PALETTE_BITS))}",
        )
    if asked.palette.group_size is not None and asked.palette.group_size < 1:
        yield (
            f"{key}.palette.group_size",
            f"{asked.palette.group_size}; expected 1 or more, or null",
        )


def _calibration_says_how(recipe: Recipe) -> Iterator[Problem]:
    key, scheme, words = "quantize.calibration", recipe.quantize.scheme, recipe.quantize.calibration
    integers = scheme != AUTO and SCHEMES[scheme].has_integer_activations
    if words is None:
        if integers:
            yield key, f"null; the scheme {scheme} expects method, samples and seed"
        return
    if not integers:
        yield key, f"has words; expected null for the scheme {scheme}"
        return
    method = plugins.load("quantize.calibration.method", words.method)
    needed, given = "percentile" in method.WORDS, words.percentile
    if needed and (given is None or not 50 < given <= 100):
        shown = "null" if given is None else f"{given:g}"
        yield (
            f"{key}.percentile",
            f"{shown}; expected more than 50 and at most 100, for example 99.99",
        )
    if not needed and given is not None:
        yield f"{key}.percentile", f"has a value; expected null for the method {words.method}"


def _training_can_run(recipe: Recipe) -> Iterator[Problem]:
    key, scheme, words = "quantize.qat", recipe.quantize.scheme, recipe.quantize.qat
    if words is None:
        return
    if scheme == AUTO or SCHEMES[scheme].qat_bits is None:
        yield key, f"has words; expected null for the scheme {scheme}"
    for word in ("epochs", "batch_size", "threads"):
        if getattr(words, word) < 1:
            yield f"{key}.{word}", f"{getattr(words, word)}; expected 1 or more"
    if not 0 <= words.freeze_after <= words.epochs:
        yield (
            f"{key}.freeze_after",
            f"{words.freeze_after}; expected 0 to the {words.epochs} of {key}.epochs",
        )
    if not (0 < words.learning_rate <= 1 and math.isfinite(words.learning_rate)):
        yield f"{key}.learning_rate", f"{words.learning_rate:g}; expected more than 0 and at most 1"

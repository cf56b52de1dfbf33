"""Check the options of `quantize`, and whether runtime and device support them."""

import math
from collections.abc import Iterator

from edgebake import plugins
from edgebake.compression.quantization.schemes import AUTO, AUTO_OPTIONS, SCHEMES
from edgebake.errors import EdgebakeError, Problem, listed, nearest
from edgebake.models import float_fallback, importers
from edgebake.recipe import Recipe
from edgebake.runtimes.interface import load_runtime, schemes_of

PALETTE_BITS = (1, 2, 3, 4, 6, 8)
# Keys whose problems say that an option does not fit this runtime or device. Problems of other
# keys are mistakes in the recipe.
FIT = (
    "quantize",
    "quantize.fallback",
    "quantize.fallback_dtype",
    "quantize.compression.block_size",
    "convert.input",
    "convert.output",
    "convert.coreml.minimum_deployment_target",
    "convert.coreml.compute_precision",
    "validate.budget.accuracy",
)


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the quantization of a recipe."""
    for rule in RULES:
        yield from rule(recipe)


def _check_scheme_of_runtime(recipe: Recipe) -> Iterator[Problem]:
    if recipe.quantize.scheme == AUTO:
        return
    runtime, quantize = recipe.convert.runtime, recipe.quantize
    scheme, fallback_dtype = quantize.scheme, quantize.fallback_dtype
    facts = load_runtime(runtime).facts
    schemes = schemes_of(runtime)
    if scheme not in schemes:
        expected = f"expected one of: {listed(schemes)}"
        yield "quantize", f"{runtime} cannot carry {scheme}; {expected}"
    elif fallback_dtype is not None and fallback_dtype.value not in facts.fallback_dtypes:
        problem = f"{runtime} cannot keep layers in {fallback_dtype.value}"
        expected = f"expected one of: {listed(facts.fallback_dtypes)}"
        yield "quantize.fallback_dtype", f"{problem}; {expected}"
    block_size = quantize.compression.block_size
    if block_size is not None and facts.block_sizes and block_size not in facts.block_sizes:
        expected = f"{runtime} expects one of: {listed(map(str, facts.block_sizes))}"
        yield "quantize.compression.block_size", f"{block_size}; {expected}"


def _check_scheme_of_device(recipe: Recipe) -> Iterator[Problem]:
    if recipe.quantize.scheme == AUTO:
        return
    required = SCHEMES[recipe.quantize.scheme].arithmetic
    available = [dtype.value for dtype in recipe.device.dtypes]
    if required not in available:
        problem = f"the scheme {recipe.quantize.scheme} computes in {required}"
        reason = f"which {recipe.device.name} cannot run; it runs: {listed(available)}"
        yield "quantize", f"{problem}, {reason}"


def _check_io_dtypes(recipe: Recipe) -> Iterator[Problem]:
    if recipe.quantize.scheme == AUTO:
        return
    runtime, scheme = recipe.convert.runtime, recipe.quantize.scheme
    supported = load_runtime(runtime).facts.io_dtypes.get(SCHEMES[scheme].activations, ())
    expected = f"null or one of: {listed(supported)}" if supported else "null"
    for name in ("input", "output"):
        dtype = getattr(recipe.convert, name)
        if dtype is not None and dtype.value not in supported:
            requirement = f"{runtime} with the scheme {scheme} expects {expected}"
            yield f"convert.{name}", f"{dtype.value}; {requirement}"


def _check_scheme_options(recipe: Recipe) -> Iterator[Problem]:
    """Check that the options of the scheme have values, and all others are null."""
    quantize = recipe.quantize
    scheme = quantize.scheme
    required = AUTO_OPTIONS if scheme == AUTO else SCHEMES[scheme].options
    options: dict[str, object] = {}
    for name, value in vars(quantize.compression).items():
        options[f"compression.{name}"] = value
    for name in ("granularity", "fallback_dtype", "candidates"):
        options[name] = getattr(quantize, name)
    for key, value in options.items():
        is_required = key.removeprefix("compression.") in required
        if is_required and value is None:
            yield f"quantize.{key}", f"null; the scheme {scheme} expects it"
        if not is_required and value is not None:
            yield f"quantize.{key}", f"has a value; expected null for the scheme {scheme}"


def _check_candidates(recipe: Recipe) -> Iterator[Problem]:
    if recipe.quantize.candidates == []:
        yield "quantize.candidates", "empty; expected options of quantize, the cheapest first"


def _check_gates(recipe: Recipe) -> Iterator[Problem]:
    """Check that `mixed` has a gate to decide which layers are not quantized to int8."""
    budget, quantize = recipe.validate.budget, recipe.quantize
    has_gate = budget.accuracy is not None or budget.accuracy_drop is not None
    if quantize.fallback_dtype is not None and not has_gate:
        expected = f"the scheme {quantize.scheme} expects it, or accuracy_drop"
        yield "validate.budget.accuracy", f"null; {expected}, to choose the layers in float"


def _check_compression(recipe: Recipe) -> Iterator[Problem]:
    key, compression = "quantize.compression", recipe.quantize.compression
    sparsity, block_size = compression.sparsity, compression.block_size
    if sparsity is not None and not 0 < sparsity < 1:
        yield f"{key}.sparsity", f"{sparsity:g}; expected a share between 0 and 1"
    if block_size is not None and block_size < 2:
        yield f"{key}.block_size", f"{block_size}; expected 2 or more"
    palette = compression.palette
    if palette is None:
        return
    if palette.bits not in PALETTE_BITS:
        expected = f"expected one of: {listed(map(str, PALETTE_BITS))}"
        yield f"{key}.palette.bits", f"{palette.bits}; {expected}"
    if palette.group_size is not None and palette.group_size < 1:
        yield f"{key}.palette.group_size", f"{palette.group_size}; expected 1 or more, or null"


def _check_calibration(recipe: Recipe) -> Iterator[Problem]:
    key, scheme = "quantize.calibration", recipe.quantize.scheme
    calibration = recipe.quantize.calibration
    is_calibrated = scheme != AUTO and SCHEMES[scheme].has_integer_activations
    if calibration is None:
        if is_calibrated:
            yield key, f"null; the scheme {scheme} expects method, samples and seed"
        return
    if not is_calibrated:
        yield key, f"has options; expected null for the scheme {scheme}"
        return
    method = plugins.load("quantize.calibration.method", calibration.method)
    percentile = calibration.percentile
    if "percentile" in method.WORDS:
        if percentile is None or not 50 < percentile <= 100:
            value = "null" if percentile is None else f"{percentile:g}"
            expected = "expected more than 50 and at most 100, for example 99.99"
            yield f"{key}.percentile", f"{value}; {expected}"
    elif percentile is not None:
        expected = f"expected null for the method {calibration.method}"
        yield f"{key}.percentile", f"has a value; {expected}"


def _check_qat(recipe: Recipe) -> Iterator[Problem]:
    key, scheme, qat = "quantize.qat", recipe.quantize.scheme, recipe.quantize.qat
    if qat is None:
        return
    if scheme == AUTO or SCHEMES[scheme].qat_bits is None:
        yield key, f"has options; expected null for the scheme {scheme}"
    for name in ("epochs", "batch_size", "threads"):
        number = getattr(qat, name)
        if number < 1:
            yield f"{key}.{name}", f"{number}; expected 1 or more"
    if not 0 <= qat.freeze_after <= qat.epochs:
        expected = f"expected 0 to the {qat.epochs} of {key}.epochs"
        yield f"{key}.freeze_after", f"{qat.freeze_after}; {expected}"
    if not (0 < qat.learning_rate <= 1 and math.isfinite(qat.learning_rate)):
        yield f"{key}.learning_rate", f"{qat.learning_rate:g}; expected more than 0 and at most 1"


def _check_fallback(recipe: Recipe) -> Iterator[Problem]:
    """Check that the scheme computes in integers and that the runtime has the operators."""
    key, quantize = "quantize.fallback", recipe.quantize
    limit = quantize.fallback_limit
    if not 0 <= limit <= 1:
        yield f"{key}_limit", f"{limit:g}; expected a share between 0 and 1"
    names = float_fallback.option_names(quantize.fallback)
    if not names:
        return
    scheme = quantize.scheme
    if scheme == AUTO or not SCHEMES[scheme].has_integer_activations:
        yield key, f"has a value; expected null for the scheme {scheme}"
        return
    if float_fallback.AUTO in names and len(names) > 1:
        others = listed(name for name in names if name != float_fallback.AUTO)
        yield key, f"auto and {others}; expected auto alone, or a list without it"
    yield from _check_fallback_kinds(recipe.convert.runtime, names)


def _check_fallback_kinds(runtime: str, names: list[str]) -> Iterator[Problem]:
    kinds = load_runtime(runtime).facts.operator_kinds()
    normalized_kinds = {float_fallback.normalized_kind(kind) for kind in kinds}
    for name in names:
        if name == float_fallback.AUTO:
            continue
        kind = float_fallback.normalized_kind(name)
        if not kinds:
            expected = f"{runtime} chooses its float operators by itself; expected null or auto"
            yield "quantize.fallback", f"{name}; {expected}"
        elif kind not in normalized_kinds and not name.startswith(float_fallback.LAYER):
            suggestion = nearest(name.upper(), kinds) or nearest(name, kinds)
            expected = f"expected operators of {runtime}, layer:NAME or auto{suggestion}"
            yield "quantize.fallback", f"{name}; {expected}"


def _check_unwritten_kinds(recipe: Recipe) -> Iterator[Problem]:
    """Check that the file of the recipe's model may have the operators that stay in float."""
    names = float_fallback.option_names(recipe.quantize.fallback)
    if not names:
        return
    runtime = recipe.convert.runtime
    by_format = load_runtime(runtime).facts.unwritten_kinds
    model_format = _model_format(recipe)
    unwritten = by_format.get(model_format, frozenset())
    normalized_kinds = {float_fallback.normalized_kind(kind) for kind in unwritten}
    for name in names:
        if float_fallback.normalized_kind(name) in normalized_kinds:
            problem = f"{name}: {runtime} files of {model_format} models have others in its place"
            expected = "expected null, and convert names those that need it, or auto"
            yield "quantize.fallback", f"{problem}; {expected}"


def _model_format(recipe: Recipe) -> str:
    """Return the format of the model that is quantized; empty if it has no known suffix."""
    imported = recipe.model.imported
    if imported is None:
        return "keras"
    try:
        return importers.format_of(imported.file)
    except EdgebakeError:
        return ""  # a check of `model` refuses it


RULES = (
    _check_scheme_of_runtime,
    _check_scheme_of_device,
    _check_io_dtypes,
    _check_scheme_options,
    _check_candidates,
    _check_fallback,
    _check_unwritten_kinds,
    _check_gates,
    _check_compression,
    _check_calibration,
    _check_qat,
)

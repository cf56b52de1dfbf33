"""Find the files of a release that hold the same model for different runtimes."""

from edgebake.recipe.stage_params import Plan

FLOAT = "float"


def of(plan: Plan, name: str) -> list[str]:
    """Return the variants with the same model in the same numbers, for other runtimes."""
    variants = plan["validate"]
    twins = []
    runtime = variants[name]["runtime"]
    model = _model(plan, name)
    for twin, params in variants.items():
        has_other_runtime = params["runtime"] != runtime
        if has_other_runtime and _model(plan, twin) == model:
            twins.append(twin)
    return twins


def _model(plan: Plan, name: str) -> tuple[str, str]:
    """Return the pruned model that a file holds, and its numbers: FLOAT, or a quantization."""
    convert = plan["validate"][name]["convert"]
    quantize = plan["convert"][convert]["quantize"]
    params = plan["quantize"][quantize]
    float_weights = params["weights"].startswith(FLOAT)
    float_activations = params["activations"].startswith(FLOAT)
    numbers = quantize
    if float_weights and float_activations:
        numbers = FLOAT
    return params["prune"], numbers

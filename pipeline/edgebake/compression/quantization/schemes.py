"""Quantization schemes: the numbers that weights and activations are stored in, a row for each.

The encoders of a runtime (runtimes/<runtime>/encoders/) say which schemes it writes. The planner copies what a stage
needs of a row into its parameters, so that a new row builds nothing again.
"""

from dataclasses import dataclass

from edgebake.errors import RecipeError, listed, nearest

AUTO = "auto"  # no scheme: a search among other options of `quantize`, each of which is checked when it is its turn
AUTO_OPTIONS = ("candidates",)


@dataclass(frozen=True)
class Scheme:
    """How a model is stored, and what computing it takes."""

    weights: str  # float32, float16, int8, int4, palette or sparse
    activations: (
        str  # float32, int8 or int16; integers need ranges, so the scheme is calibrated on examples
    )
    arithmetic: str  # the dtype that a device must compute in
    qat_bits: int | None = (
        None  # of weights, where quantization-aware training can prepare a model for the scheme
    )
    options: tuple[
        str, ...
    ] = ()  # of `quantize.compression`, and others of `quantize`, that the scheme needs

    @property
    def has_integer_activations(self) -> bool:
        """Return whether activations are stored in integers, which need ranges."""
        return self.activations.startswith("int")


SCHEMES = {
    "none": Scheme("float32", "float32", arithmetic="float32"),
    "float16": Scheme("float16", "float32", arithmetic="float16"),
    "dynamic": Scheme("int8", "float32", arithmetic="float32"),
    "int8": Scheme("int8", "int8", arithmetic="int8", qat_bits=8, options=("granularity",)),
    "int16x8": Scheme("int8", "int16", arithmetic="int8", options=("granularity",)),
    "mixed": Scheme("int8", "int8", arithmetic="int8", options=("granularity", "fallback_dtype")),
    "int4_weights": Scheme(
        "int4", "float32", arithmetic="float16", qat_bits=4, options=("block_size",)
    ),
    "palettized": Scheme("palette", "float32", arithmetic="float16", options=("palette",)),
    "sparse": Scheme("sparse", "float32", arithmetic="float16", options=("sparsity",)),
    "sparse_palettized": Scheme(
        "sparse", "float32", arithmetic="float16", options=("sparsity", "palette")
    ),
}


def refuse_unknown(scheme: str) -> None:
    """Refuse a scheme that is in no row of the table.

    Raises:
        RecipeError: there is no such scheme.
    """
    known = sorted([*SCHEMES, AUTO])
    if scheme not in known:
        raise RecipeError(
            f"no scheme {scheme!r}; expected one of: {listed(known)}{nearest(scheme, known)}"
        )

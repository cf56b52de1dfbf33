"""Quantization schemes: the dtypes in which weights and activations are stored.

The encoders of a runtime (runtimes/<runtime>/encoders/) define which schemes it can write. The
planner copies the properties that a stage needs into its parameters, so a new scheme does not
rebuild anything.
"""

from dataclasses import dataclass

from edgebake.errors import RecipeError, listed, nearest

# No scheme, but a search among other options of `quantize`, each of which is checked in turn.
AUTO = "auto"
AUTO_OPTIONS = ("candidates",)


@dataclass(frozen=True)
class Scheme:
    """Storage format of a model, and the arithmetic that a device needs for it."""

    weights: str  # float32, float16, int8, int4, palette or sparse
    # float32, int8 or int16; integer activations need ranges, so the scheme is calibrated.
    activations: str
    arithmetic: str  # dtype that the device computes in
    # Of the weights, for schemes that quantization-aware training can prepare a model for.
    qat_bits: int | None = None
    # Options of `quantize.compression`, and others of `quantize`, that the scheme needs.
    options: tuple[str, ...] = ()

    @property
    def has_integer_activations(self) -> bool:
        """Return whether activations are stored as integers, which need ranges."""
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
    """Refuse a scheme that is not in SCHEMES.

    Raises:
        RecipeError: there is no such scheme.
    """
    available = sorted([*SCHEMES, AUTO])
    if scheme not in available:
        expected = f"{listed(available)}{nearest(scheme, available)}"
        raise RecipeError(f"no scheme {scheme!r}; expected one of: {expected}")

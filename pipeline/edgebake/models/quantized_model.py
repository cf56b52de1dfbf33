"""What quantize hands to convert: a model, the numbers it is to compute in, and the range of each of its values."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from edgebake.models.activation_ranges import ActivationRanges
from edgebake.recipe import Compression, DType, Granularity, Palette

if TYPE_CHECKING:
    from edgebake.recipe.stage_params import QuantizeParams


MODEL = "model."  # and its format
# Families of schemes by what weights are stored in, where activations stay in float32.
FAMILIES = {
    "float32": "float",
    "float16": "float",
    "int8": "weight_only",
    "int4": "weight_only",
    "palette": "palettized",
    "sparse": "sparse",
}


def encoder_family(weights: str, activations: str) -> str:
    """Return the family of schemes that a runtime's encoder of the same name writes."""
    return FAMILIES[weights] if activations == "float32" else "integer"


@dataclass(frozen=True)
class Quantized:
    """A model's archive and its scheme; no ranges for a scheme whose activations stay in float."""

    archive: bytes
    scheme: str
    weights: str  # float32, float16, int8, int4, palette or sparse
    activations: str  # float32, int8 or int16
    granularity: Granularity | None = None  # of weights that compute in integers
    ranges: ActivationRanges | None = None
    compression: Compression = field(default_factory=Compression)
    fallback_dtype: DType | None = None  # in what the kept layers compute
    kept: dict[str, list[str]] = field(
        default_factory=dict
    )  # layer -> the values inside it, by their names in ranges
    format: str = "keras"  # or onnx or tflite, of a model that somebody brought

    @property
    def family(self) -> str:
        """Return the family of the scheme: the name of the encoder that writes it."""
        return encoder_family(self.weights, self.activations)

    @property
    def known_ranges(self) -> ActivationRanges:
        """Return the ranges of a scheme that needs them."""
        if self.ranges is None:
            raise ValueError(f"{self.scheme} without ranges")
        return self.ranges

    def to_files(self) -> dict[str, bytes]:
        """Return what lies in quantize's folder: model.<format>, scheme.json and ranges, empty if there are none."""
        words: dict[str, Any] = {
            "scheme": self.scheme,
            "weights": self.weights,
            "activations": self.activations,
            "granularity": self.granularity and self.granularity.value,
            "compression": asdict(self.compression),
            "fallback_dtype": self.fallback_dtype and self.fallback_dtype.value,
            "kept": self.kept,
        }
        files = {
            f"model.{self.format}": self.archive,
            "scheme.json": f"{json.dumps(words, indent=2)}\n".encode(),
        }
        return files | (self.ranges or ActivationRanges.empty()).to_files()


def asked(archive: bytes, words: QuantizeParams) -> Quantized:
    """Return a model's archive with what the parameters of quantize say of its numbers, ranges aside."""
    return Quantized(
        archive,
        words.scheme,
        words.weights,
        words.activations,
        granularity=words.granularity,
        compression=words.compression,
        fallback_dtype=words.fallback_dtype,
        format=words.format,
    )


def from_files(files: dict[str, bytes]) -> Quantized:
    """Return what `to_files` wrote."""
    words = json.loads(files["scheme.json"])
    compression = words.pop("compression")
    palette = compression.pop("palette")
    granularity, keep = words.pop("granularity"), words.pop("fallback_dtype")
    file = next(name for name in files if name.startswith(MODEL))
    return Quantized(
        files[file],
        format=file.removeprefix(MODEL),
        ranges=ActivationRanges.from_files(files),
        compression=Compression(
            palette=None if palette is None else Palette(**palette), **compression
        ),
        granularity=None if granularity is None else Granularity(granularity),
        fallback_dtype=None if keep is None else DType(keep),
        **words,
    )

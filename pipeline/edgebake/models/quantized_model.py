"""Output of the quantize stage: a model, its quantization scheme and its activation ranges."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.float_fallback import FloatFallback
from edgebake.recipe import Compression, DType, Granularity, Palette
from edgebake.tasks.tensors import IMAGE_CLASSIFIER, Ends

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgebake.recipe.stage_params import QuantizeParams

MODEL_PREFIX = "model."  # of the name of the model's file; the suffix is its format
# Families of schemes by the dtype of the weights, if activations stay in float32.
FAMILIES = {
    "float32": "float",
    "float16": "float",
    "int8": "weight_only",
    "int4": "weight_only",
    "palette": "palettized",
    "sparse": "sparse",
}


def encoder_family(weights: str, activations: str) -> str:
    """Return the family of a scheme: the name of the encoder in a runtime that writes it."""
    if activations != "float32":
        return "integer"
    return FAMILIES[weights]


@dataclass(frozen=True)
class QuantizedModel:
    """A float model and how a runtime has to quantize it."""

    archive: bytes  # of the model, in `format`
    scheme: str
    weights: str  # float32, float16, int8, int4, palette or sparse
    activations: str  # float32, int8 or int16
    granularity: Granularity | None = None  # of weights in integer arithmetic
    ranges: ActivationRanges | None = None  # None if activations stay in float
    compression: Compression = field(default_factory=Compression)
    fallback_dtype: DType | None = None  # of the layers in `fallback_layers`
    # Layers that are not quantized: name -> names of their activations, as in `ranges`.
    fallback_layers: dict[str, list[str]] = field(default_factory=dict)
    fallback: FloatFallback = field(default_factory=FloatFallback)  # operators in float
    format: str = "keras"  # of an imported model also onnx or tflite
    ends: Ends = IMAGE_CLASSIFIER  # of the model, in the contract's order

    @classmethod
    def from_options(
        cls, archive: bytes, options: QuantizeParams, ends: Ends = IMAGE_CLASSIFIER
    ) -> QuantizedModel:
        """Combine a model with the options of the quantize stage, without activation ranges."""
        return cls(
            archive,
            options.scheme,
            options.weights,
            options.activations,
            granularity=options.granularity,
            compression=options.compression,
            fallback_dtype=options.fallback_dtype,
            fallback=FloatFallback.from_options(options),
            format=options.format,
            ends=ends,
        )

    @classmethod
    def from_files(
        cls, files: Mapping[str, bytes], ends: Ends = IMAGE_CLASSIFIER
    ) -> QuantizedModel:
        """Read the files of `to_files`."""
        scheme = json.loads(files["scheme.json"])
        compression = scheme["compression"]
        palette = compression.pop("palette")
        model_file = next(name for name in files if name.startswith(MODEL_PREFIX))
        return cls(
            files[model_file],
            scheme["scheme"],
            scheme["weights"],
            scheme["activations"],
            granularity=scheme["granularity"] and Granularity(scheme["granularity"]),
            ranges=ActivationRanges.from_files(files),
            compression=Compression(palette=palette and Palette(**palette), **compression),
            fallback_dtype=scheme["fallback_dtype"] and DType(scheme["fallback_dtype"]),
            fallback_layers=scheme["kept"],
            fallback=FloatFallback(tuple(scheme["fallback"]), scheme["fallback_limit"]),
            format=model_file.removeprefix(MODEL_PREFIX),
            ends=ends,
        )

    @property
    def family(self) -> str:
        """Return the family of the scheme: the name of the encoder that writes it."""
        return encoder_family(self.weights, self.activations)

    @property
    def required_ranges(self) -> ActivationRanges:
        """Return the activation ranges.

        Raises:
            ValueError: there are none, as activations stay in float.
        """
        if self.ranges is None:
            raise ValueError(f"{self.scheme} without ranges")
        return self.ranges

    def to_files(self) -> dict[str, bytes]:
        """Return the stage's files: model.<format>, scheme.json, ranges.csv and probes."""
        scheme = {
            "scheme": self.scheme,
            "weights": self.weights,
            "activations": self.activations,
            "granularity": self.granularity and self.granularity.value,
            "compression": asdict(self.compression),
            "fallback_dtype": self.fallback_dtype and self.fallback_dtype.value,
            "kept": self.fallback_layers,
            "fallback": list(self.fallback.names),
            "fallback_limit": self.fallback.limit,
        }
        ranges = self.ranges or ActivationRanges.empty()
        return {
            f"{MODEL_PREFIX}{self.format}": self.archive,
            "scheme.json": f"{json.dumps(scheme, indent=2)}\n".encode(),
            **ranges.to_files(),
        }

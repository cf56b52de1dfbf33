"""What quantize hands to convert: a model, the numbers it is to compute in, and examples that show their ranges."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from pipeline.recipe import Compression, Palette

if TYPE_CHECKING:  # the planner reads the facts of every scheme and has no use for NumPy
    import numpy as np
    from numpy.typing import NDArray

Calibration: TypeAlias = "NDArray[np.float32] | None"  # examples as the model sees them, [n, h, w, c]


@dataclass(frozen=True)
class Quantized:
    """A Keras archive and its scheme; no calibration for a scheme that needs none."""

    archive: bytes
    scheme: str
    weights: str  # float32, float16, int8, int4, palette or sparse
    activations: str  # float32, float16 or int8
    calibration: Calibration = None
    compression: Compression = field(default_factory=Compression)

    def to_files(self) -> dict[str, bytes]:
        """Return what lies in quantize's folder: model.keras, scheme.json and, if any, calibration.npy."""
        import numpy as np  # noqa: PLC0415

        words: dict[str, Any] = {"scheme": self.scheme, "weights": self.weights, "activations": self.activations}
        words["compression"] = asdict(self.compression)
        files = {"model.keras": self.archive, "scheme.json": f"{json.dumps(words, indent=2)}\n".encode()}
        if self.calibration is not None:
            array = io.BytesIO()
            np.save(array, self.calibration, allow_pickle=False)
            files["calibration.npy"] = array.getvalue()
        return files


def from_files(files: dict[str, bytes]) -> Quantized:
    """Return what `to_files` wrote."""
    import numpy as np  # noqa: PLC0415

    array = files.get("calibration.npy")
    calibration = None if array is None else np.load(io.BytesIO(array), allow_pickle=False)
    words = json.loads(files["scheme.json"])
    compression = words.pop("compression")
    palette = compression.pop("palette")
    compression = Compression(palette=None if palette is None else Palette(**palette), **compression)
    return Quantized(files["model.keras"], calibration=calibration, compression=compression, **words)

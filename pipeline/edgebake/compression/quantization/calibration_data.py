"""A model beside the examples that quantize may show it: never those of the test split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgebake.compression.quantization import calibration
from edgebake.data import dataset
from edgebake.data.dataset import Examples
from edgebake.data.preprocessed import PreprocessedImages
from edgebake.errors import DataError
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.recipe.stage_params import QuantizeParams
from edgebake.tasks.contract import Contract


@dataclass(frozen=True)
class CalibrationData:
    """The model as prune left it, what it expects, and what the recipe says."""

    archive: bytes
    agreed: Contract
    section: QuantizeParams

    def prepared(self, name: str) -> tuple[PreprocessedImages, NDArray[np.int64]]:
        """Return a split as the model sees it, float32 [n, h, w, c], and its labels [n]."""
        examples = self._split(name)
        return PreprocessedImages(examples.images, self.agreed), examples.labels

    def calibrated(self, archive: bytes) -> ActivationRanges | None:
        """Return the ranges of a model; none for a scheme whose activations stay in float."""
        words = self.section.calibration
        if words is None:
            return None
        return calibration.calibrate(
            archive, self._drawn(words.samples, words.seed), words, self.section.format
        )

    def _split(self, name: str) -> Examples:
        return dataset.read_split(self.section.data, self.section.examples, name)

    def _drawn(self, count: int, seed: int) -> NDArray[np.float32]:
        """Return examples as the model sees them, float32 [n, h, w, c], drawn from the calibration split by a seed.

        Raises:
            DataError: the split holds fewer.
        """
        held = self._split("calibration")
        if count > len(held.labels):
            raise DataError(
                f"{self.section.data.title}: the calibration split holds {len(held.labels)} examples; "
                f"expected at least the {count} of quantize.calibration.samples"
            )
        order = np.random.default_rng(seed).permutation(len(held.labels))
        return self.agreed.preprocess(held.take(order[:count]).images)

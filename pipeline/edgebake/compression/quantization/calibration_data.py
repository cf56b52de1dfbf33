"""Examples that the stage quantize may use: of every split but the test split."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgebake.compression.quantization import calibration
from edgebake.data import dataset
from edgebake.data.dataset import Examples
from edgebake.data.preprocessed import PreparedInputs, prepare
from edgebake.errors import DataError
from edgebake.models import converter_errors, importers
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.recipe.stage_params import QuantizeParams
from edgebake.runtimes.interface import FileValues
from edgebake.tasks.contract import Contract, prepare_input
from edgebake.tasks.tensors import Feeds

if TYPE_CHECKING:
    import keras

    from edgebake.runtimes.litert.calibrated_model import CalibratedModel


@dataclass(frozen=True)
class CalibrationData:
    """The pruned model, its contract, and the parameters of quantize, which name the dataset."""

    archive: bytes
    contract: Contract
    params: QuantizeParams

    def split(self, name: str) -> tuple[PreparedInputs, NDArray[np.int64]]:
        """Return the prepared inputs of a split, and its labels [n]."""
        examples = self._read_split(name)
        return prepare(examples.inputs, self.contract), examples.labels

    def calibrate(self, archive: bytes) -> ActivationRanges | None:
        """Return the activation ranges of a model; None if its activations stay in float.

        Raises:
            DataError: the calibration split has fewer examples than the recipe asks for.
            ConversionError: the model's library cannot run it to the end.
        """
        options = self.params.calibration
        if options is None:
            return None
        samples = self._draw_samples(options.samples, options.seed)
        library = importers.LIBRARIES[self.params.format]
        with converter_errors.in_one_line(library, "calibrate"):
            return calibration.calibrate(archive, samples, options, self.params.format)

    def tflite_with_ranges(
        self, source: "keras.Model | bytes", ranges: ActivationRanges
    ) -> "CalibratedModel":
        """Return LiteRT's float file of a live Keras model, or of an imported .tflite.

        Its ranges are those of the model, and those of the values that LiteRT's file adds.
        """
        from edgebake.runtimes.litert.calibrated_model import CalibratedModel

        model = CalibratedModel.from_source(source, ranges, self.contract.ends)
        return CalibratedModel(model.model, self.complete_ranges(ranges, model))

    def complete_ranges(self, ranges: ActivationRanges, file: FileValues) -> ActivationRanges:
        """Add the ranges of the values that only a converted float file computes."""
        options = self.params.calibration
        if options is None:
            raise ValueError("ranges without calibration")
        samples = self._draw_samples(options.samples, options.seed)
        return calibration.with_ranges_of_file(ranges, file, samples, options)

    def _read_split(self, name: str) -> Examples:
        params = self.params
        return dataset.read_split(params.data, params.examples, name)

    def _draw_samples(self, count: int, seed: int) -> Feeds:
        """Draw samples from the calibration split; return them as the model is fed."""
        examples = self._read_split("calibration")
        available = len(examples.labels)
        if count > available:
            raise DataError(
                f"{self.params.data.title}: the calibration split holds {available} examples; "
                f"expected at least the {count} of quantize.calibration.samples"
            )
        random = np.random.default_rng(seed)
        order = random.permutation(available)
        samples = examples.take(order[:count])
        spec = self.contract.single_input
        return {spec.name: prepare_input(spec, samples.inputs)}

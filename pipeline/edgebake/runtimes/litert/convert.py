"""Convert a quantized model to a .tflite file, by the encoder of its scheme's family."""

from edgebake import plugins
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Convert
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes.litert import FILE, metadata
from edgebake.runtimes.litert.calibrated_model import load_source
from edgebake.tasks.contract import Contract


def convert(
    quantized: QuantizedModel, contract: Contract, about: ReleaseInfo, options: Convert
) -> dict[str, bytes]:
    """Return {model.tflite: bytes}, labels and input contract in its metadata."""
    encoder = plugins.load_encoder("edgebake.runtimes.litert.encoders", quantized.family)
    model: bytes = encoder.encode(load_source(quantized), quantized, options)
    return {FILE: metadata.attach(model, contract, about)}

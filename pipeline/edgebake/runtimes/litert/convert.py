"""Convert a quantized model to a .tflite file, with the encoder of its scheme's family."""

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
    """Return {"model.tflite": contents}, with labels and input contract in its metadata."""
    encoder = plugins.load_encoder("edgebake.runtimes.litert.encoders", quantized.family)
    source = load_source(quantized)
    model: bytes = encoder.encode(source, quantized, options)
    file = metadata.attach(model, contract, about)
    return {FILE: file}

"""Put labels, the input contract, the release and the scales of integer ends into an .onnx file's metadata_props."""

import json

import onnx

from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes.onnxruntime import scales
from edgebake.tasks.contract import Contract

# The option of a session that an app sets for a file with int4 weights: they become floats once, at load, not in
# every run.
FOLD_WEIGHTS = "session.disable_quant_qdq"


def attach(model: onnx.ModelProto, contract: Contract, about: ReleaseInfo) -> onnx.ModelProto:
    """Return the model with metadata_props that ONNX Runtime shows as an app's custom_metadata_map."""
    content = {
        "name": about.name,
        "version": about.version,
        "author": about.author,
        "license": about.license,
        "description": about.description,
        "labels": json.dumps(contract.labels),
        "contract": json.dumps(json.loads(contract.to_json()), sort_keys=True),
        **scales.io_scales(model.graph),
    }
    onnx.helper.set_model_props(model, content)
    return model

"""Write labels, input contract, release and scales of integer tensors into an .onnx file."""

import json

import onnx

from edgebake.recipe.release_info import ReleaseInfo
from edgebake.runtimes.onnxruntime import scales
from edgebake.tasks.contract import Contract

# Session option that an app sets for a file with int4 weights: they are converted to floats once,
# at load, instead of in every run.
FOLD_WEIGHTS = "session.disable_quant_qdq"


def attach(model: onnx.ModelProto, contract: Contract, about: ReleaseInfo) -> onnx.ModelProto:
    """Set the model's metadata_props, which ONNX Runtime gives an app as custom_metadata_map."""
    content = json.loads(contract.to_json())
    properties = {
        "name": about.name,
        "version": about.version,
        "author": about.author,
        "license": about.license,
        "description": about.description,
        "labels": json.dumps(contract.labels),
        "contract": json.dumps(content, sort_keys=True),
        **scales.io_scales(model.graph),
    }
    onnx.helper.set_model_props(model, properties)
    return model

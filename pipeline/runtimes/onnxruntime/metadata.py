"""Put labels, the input contract and the release into an .onnx file's metadata_props."""

import json

import onnx

from pipeline.about import About
from pipeline.contract import Contract


def attach(model: onnx.ModelProto, contract: Contract, about: About) -> onnx.ModelProto:
    """Return the model with metadata_props that ONNX Runtime shows as an app's custom_metadata_map."""
    content = {
        "name": about.name,
        "version": about.version,
        "author": about.author,
        "license": about.license,
        "description": about.description,
        "labels": json.dumps(contract.labels),
        "contract": json.dumps(json.loads(contract.to_json()), sort_keys=True),
    }
    onnx.helper.set_model_props(model, content)
    return model

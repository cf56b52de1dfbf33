"""Say why a model file cannot be imported, from what the file states: in seconds, running nothing.

An import checks the same once more, and what only a framework can find out.
"""

from edgebake.models.importers import input_check
from edgebake.models.inspection.model_info import ModelInfo

FLOAT_PARENT = "expected the float32 model that it was made from, or a newer export of it"
# Formats whose graph is kept as it is, so that its numbers have to be float32.
GRAPHS = ("onnx", "tflite")


def refusal(info: ModelInfo) -> str | None:
    """Return why a model cannot be imported, in one line; None if it can, as far as is known."""
    problem = info.unsupported or _number_problem(info) or _interface_problem(info)
    if problem is None and info.final_activation == "sigmoid" and (info.classes or 0) > 2:
        problem = "ends in a sigmoid, which scores each class independently; expected a softmax"
    return problem


def _number_problem(info: ModelInfo) -> str | None:
    """Return what is wrong with the type of a graph's weights."""
    if info.format not in GRAPHS:
        return None
    if info.is_quantized:
        return f"already quantized ({info.precision}); {FLOAT_PARENT}"
    if info.precision.startswith("float16"):
        return f"has {info.precision}; {FLOAT_PARENT}"
    return None


def _interface_problem(info: ModelInfo) -> str | None:
    """Return why inputs and outputs are not those of an image classifier."""
    problem = input_check.count_refusal(len(info.inputs), len(info.outputs))
    if problem is not None:
        return problem
    tensor = info.inputs[0]
    problem = input_check.autoencoder_refusal(tensor.shape, info.outputs[0].shape)
    if problem is not None:
        return problem
    is_onnx = info.format == "onnx"
    problem = input_check.refusal(tensor.shape, tensor.dtype, channels_first=is_onnx)
    if problem is not None:
        return problem
    if info.format in GRAPHS:
        problem = input_check.batch_refusal(tensor.shape)
        problem = problem or input_check.number_refusal(info.outputs[0].dtype)
    if problem is not None:
        return problem
    output_shape = info.outputs[0].shape
    if not output_shape:  # ONNX files need not state it
        return None
    return input_check.output_refusal(output_shape, can_reshape=is_onnx)

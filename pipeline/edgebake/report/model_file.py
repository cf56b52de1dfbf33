"""Describe a model file in lines of text: what it states, and what it leaves open."""

from collections.abc import Iterator, Sequence

from edgebake.errors import listed
from edgebake.models.importers import input_check, input_kind
from edgebake.models.importers.safety import ALLOW_CODE
from edgebake.models.inspection import usability
from edgebake.models.inspection.model_info import ImageResize, ModelInfo, TensorInfo
from edgebake.runtimes.interface import runtimes_of
from edgebake.terminal.printable import printable

MAX_ITEMS = 6  # labels, kinds of operators and tensors that are listed; the rest is counted
MAX_METADATA = 20  # texts of the metadata that are listed
METADATA_LENGTH = 100  # characters
LABEL_LENGTH = 30  # characters of the name of such a text

Property = tuple[str, str]  # label and text of a line
LAYOUTS = {"NHWC": "height, width, channels (NHWC)", "NCHW": "channels, height, width (NCHW)"}
# Pixel scaling by the convention of the training code: mean and scale, each per channel. Sources:
# keras.applications.imagenet_utils (modes tf, torch and caffe), and torchvision.models, whose mean
# and standard deviation of pixels from 0 to 1 are converted to pixels from 0 to 255.
COMMON = {
    "[0, 1]": ([0.0], [1 / 255]),
    "[-1, 1]": ([127.5], [1 / 127.5]),
    "ImageNet (torchvision)": (
        [123.675, 116.28, 103.53],
        [1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)],
    ),
    "Caffe, with color: bgr": ([103.939, 116.779, 123.68], [1.0]),
    "[0, 255], scaled inside the model": ([0.0], [1.0]),
}


def lines(model: ModelInfo, file: str) -> list[str]:
    """Return the report on a model file, its name first."""
    properties = [*_properties(model), *_usability(model)]
    width = max(len(label) for label, _ in properties)
    return [
        f"{printable(file)}: {model.container}, written by {model.producer}; "
        f"{model.file_size:,} bytes",
        *(f"  {label:{width}}  {text}" for label, text in properties),
        *_missing_facts(model),
    ]


def may_take_spectra(model: ModelInfo) -> bool:
    """Return whether a model of gray pictures by its shape could take spectra, as nothing says."""
    return _spectra_of_picture(model) is not None and not model.pixel_scaling


def yaml_numbers(values: Sequence[float]) -> str:
    """Return float32 numbers as a YAML list, each with the digits that float32 needs."""
    return f"[{', '.join(f'{value:.9g}' for value in values)}]"


def _properties(model: ModelInfo) -> Iterator[Property]:
    """Yield a label and a text for each property that the file states."""
    for tensor in model.inputs[:MAX_ITEMS] or (TensorInfo("not in the file", (), "float32"),):
        yield "input", _format_tensor(tensor) + _format_layout(model)
    yield from _rest("input", model.inputs)
    yield from _other_reading(model)
    has_classes = model.classes and _may_classify(model)
    classes = f": {model.classes} classes" if has_classes else ""
    for tensor in model.outputs[:MAX_ITEMS]:
        yield "output", _format_tensor(tensor) + classes
    yield from _rest("output", model.outputs)
    yield "last layer", _format_last_layer(model)
    yield "parameters", f"{model.parameters:,}"
    yield _operators_label(model), _format_counts(model)
    yield "numbers", model.precision
    for operation in model.preprocessing[:MAX_ITEMS]:
        yield "inside", operation
    yield from _rest("inside", model.preprocessing)
    if model.pixel_scaling:
        scaling = model.pixel_scaling
        mean, scale = yaml_numbers(scaling.mean), yaml_numbers(scaling.scale)
        yield "pixels", f"mean {mean}, scale {scale}: {scaling.reason}"
    if model.resize:
        yield "resize", _format_resize(model.resize)
    if model.color:
        yield "colors", f"{model.color}, from its metadata"
    if model.labels:
        yield "labels", _format_labels(model.labels)
    texts = [(label, text) for label, text in model.metadata.items() if text]
    for label, text in texts[:MAX_METADATA]:
        yield label[:LABEL_LENGTH], " ".join(text.split())[:METADATA_LENGTH]
    yield from _rest("metadata", texts, MAX_METADATA)


def _other_reading(model: ModelInfo) -> Iterator[Property]:
    """Yield what an input that could be a gray picture could be instead."""
    spectra = _spectra_of_picture(model)
    if spectra is not None:
        yield "or", f"{spectra}; then no step of an image belongs before the model"


def _spectra_of_picture(model: ModelInfo) -> str | None:
    """Return which spectra an input of the shape of a gray picture could be; None if none."""
    shapes = [tensor.shape for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != input_check.IMAGE_RANK:
        return None
    return input_kind.spectrum(shapes[0])


def _may_classify(model: ModelInfo) -> bool:
    """Return whether a model could answer with classes: neither its input nor a picture."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return True
    answer = model.outputs[0].shape
    is_picture = bool(answer) and model.classes is None and len(answer) > input_check.CLASSES_RANK
    refusal = input_check.autoencoder_refusal(model.inputs[0].shape, answer)
    return refusal is None and not is_picture


def _rest(label: str, items: Sequence[object], listed_items: int = MAX_ITEMS) -> Iterator[Property]:
    """Yield how many items a report leaves out, if it does."""
    if len(items) > listed_items:
        yield label, f"and {len(items) - listed_items:,} more"


def _operators_label(model: ModelInfo) -> str:
    if model.format == "keras" and model.container != "SavedModel":
        return "layers"
    return "operators"


def _usability(model: ModelInfo) -> Iterator[Property]:
    """Yield whether the model can be imported, and the runtimes that it can be converted for."""
    if model.code_risk and not model.unsupported:
        yield "code", f"{model.code_risk.rstrip('.')} ({ALLOW_CODE} is false by default)"
    problem = usability.refusal(model)
    if problem:
        yield "refused", problem
    else:
        yield "runtimes", listed(runtimes_of(model.format))


def _missing_facts(model: ModelInfo) -> Iterator[str]:
    """Yield the facts that the file leaves open, and common values of pixel scaling."""
    if model.inputs and len(model.inputs[0].shape) != input_check.IMAGE_RANK:
        return  # these are facts about images
    if not _may_classify(model):
        return  # and these about their classifiers
    if may_take_spectra(model):
        yield "Not in the file: whether it takes gray pictures or spectra. Ask its author."
        yield "If gray pictures: `edgebake init NAME --model FILE` with --mean and --scale"
        yield f"If spectra: {input_kind.OF_SOUNDS}"
        return
    missing = _missing_of_classifier(model)
    if missing:
        yield f"Not in the file: {'; '.join(missing)}. Ask its author."
    if not model.pixel_scaling:
        yield "Common values: the input is (pixel - mean) * scale, with pixels from 0 to 255"
        for convention, (mean, scale) in COMMON.items():
            yield f"  {convention}: mean {yaml_numbers(mean)}, scale {yaml_numbers(scale)}"


def _missing_of_classifier(model: ModelInfo) -> list[str]:
    """Return what the file of a classifier of images leaves open."""
    missing = []
    if not model.pixel_scaling:
        missing.append("the scaling of pixels (mean, scale)")
    if not model.resize:
        missing.append("how its images were resized (antialias)")
    if model.image[2] != 1 and not model.color:
        missing.append("the order of colors (rgb, or bgr)")
    if not model.labels:
        missing.append("the names of the classes, and their order")
    if model.output is None:
        missing.append("whether the outputs are probabilities or logits")
    return missing


def _format_tensor(tensor: TensorInfo) -> str:
    return f"{tensor.name}, {tensor.dtype} {input_check.format_shape(tensor.shape)}"


def _format_resize(resize: ImageResize) -> str:
    antialias = str(resize.antialias).lower()
    crop = ", crop: center" if resize.is_cropped else ""
    size = f"to {resize.height} x {resize.width} pixels, {resize.filter_name}"
    return f"{size}, antialias: {antialias}{crop}: {resize.reason}"


def _format_layout(model: ModelInfo) -> str:
    if model.layout is None:
        return ""
    return f": {LAYOUTS[model.layout]}"


def _format_last_layer(model: ModelInfo) -> str:
    if model.output and _may_classify(model):
        return f"{model.final_activation}: {model.output}"
    return model.final_activation or "unknown"


def _format_labels(labels: Sequence[str]) -> str:
    shown = [printable(label, max_length=METADATA_LENGTH) for label in labels[:MAX_ITEMS]]
    text = f"{len(labels)}: {', '.join(shown)}"
    if len(labels) > MAX_ITEMS:
        text += f" and {len(labels) - MAX_ITEMS} more"
    return text


def _format_counts(model: ModelInfo) -> str:
    """Return the number of operators, in total and of the most frequent kinds."""
    counts = sorted(model.operator_counts.items(), key=lambda entry: (-entry[1], entry[0]))
    kinds = [f"{count} {kind}" for kind, count in counts[:MAX_ITEMS]]
    rest = sum(count for _, count in counts[MAX_ITEMS:])
    if rest:
        kinds.append(f"{rest} others")
    return f"{sum(model.operator_counts.values())}: {', '.join(kinds)}"

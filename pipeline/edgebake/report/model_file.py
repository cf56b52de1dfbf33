"""What was read from a model in, lines for a person out."""

from collections.abc import Iterator

from edgebake.errors import listed
from edgebake.models.importers.safety import ALLOW_CODE
from edgebake.models.inspection.model_info import IMAGE_CHANNELS, ModelInfo, TensorInfo
from edgebake.runtimes.interface import runtimes_of

SHOWN = 6  # labels and kinds of layers; the rest is counted
# What images have to become, by the way in which a model was trained. Sources: keras.applications.imagenet_utils
# (modes tf, torch and caffe), and torchvision.models, whose mean and std of 0 to 1 are here in 0 to 255.
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


def lines(found: ModelInfo, file: str) -> list[str]:
    """Return the report, a line for each thing that is known and for each that is not."""
    said = [*_known(found), *_trouble(found)]
    width = max(len(word) for word, _ in said)
    return [
        f"{file}: {found.container}, written by {found.producer}; {found.file_size:,} bytes",
        *(f"  {word:{width}}  {text}" for word, text in said),
        *_unknown(found),
    ]


def yaml_numbers(values: list[float] | tuple[float, ...]) -> str:
    """Return numbers as YAML, each as short as 32 bits of float allow."""
    return f"[{', '.join(f'{value:.9g}' for value in values)}]"


def _known(found: ModelInfo) -> Iterator[tuple[str, str]]:
    for end in found.inputs or (TensorInfo("not said", (), "float32"),):
        yield "input", f"{_end(end)}{_layout(found)}"
    for end in found.outputs:
        yield "output", _end(end) + (f": {found.classes} classes" if found.classes else "")
    yield (
        "last layer",
        f"{found.final_activation}: {found.output}"
        if found.output
        else found.final_activation or "cannot be told",
    )
    yield "parameters", f"{found.parameters:,}"
    yield (
        "operators" if found.format != "keras" or found.container == "SavedModel" else "layers",
        _kinds(found),
    )
    yield "numbers", found.precision
    yield from (("inside", step) for step in found.preprocessing)
    if found.pixel_scaling:
        scaling = found.pixel_scaling
        mean, scale = yaml_numbers(scaling.mean), yaml_numbers(scaling.scale)
        yield "pixels", f"mean {mean}, scale {scale}: {scaling.reason}"
    if found.color:
        yield "colors", f"{found.color}, as its metadata say"
    if found.labels:
        rest = len(found.labels) - SHOWN
        more = f" and {rest} more" if rest > 0 else ""
        yield "labels", f"{len(found.labels)}: {', '.join(found.labels[:SHOWN])}{more}"
    yield from (
        (word, " ".join(text.split())[:100]) for word, text in found.metadata.items() if text
    )


def _trouble(found: ModelInfo) -> Iterator[tuple[str, str]]:
    runtimes = runtimes_of(found.format)
    if found.code_risk and not found.unsupported:
        yield "code", f"{found.code_risk.rstrip('.')} ({ALLOW_CODE} is false by default)"
    if found.unsupported or (why := refused_ends(found)):
        yield "refused", found.unsupported or why
    else:
        yield "goes to", listed(runtimes)


def refused_ends(found: ModelInfo) -> str:
    """Return why the ends of a model are not those of a classifier of images, if they are not."""
    if len(found.inputs) != 1 or len(found.outputs) != 1:
        return (
            f"{len(found.inputs)} inputs and {len(found.outputs)} outputs; expected one input, an "
            "image, and one output"
        )
    shape = found.inputs[0].shape
    if len(shape) != 4:
        return f"takes {_shape(shape)}; expected images, [n, height, width, channels]"
    if not {shape[1], shape[3]} & {*IMAGE_CHANNELS, None}:
        return f"takes {_shape(shape)}; expected images of 1 or 3 channels"
    if found.final_activation == "sigmoid" and (found.classes or 0) > 2:
        return (
            "ends in a sigmoid for each class by itself; expected one of several classes: a softmax"
        )
    return ""


def _unknown(found: ModelInfo) -> Iterator[str]:
    """Yield what no file says, and what to do about it."""
    unknown = []
    if not found.pixel_scaling:
        unknown.append("what pixels become (mean, scale)")
    if found.image[2] != 1 and not found.color:
        unknown.append("the order of colors (rgb, or bgr)")
    if not found.labels:
        unknown.append("the names of the classes, and their order")
    if found.output is None:
        unknown.append("whether answers are probabilities or logits")
    if unknown:
        yield f"The file does not say: {'; '.join(unknown)}. Whoever trained it knows."
    if not found.pixel_scaling:
        yield "Common: the model sees (pixel - mean) * scale, pixels from 0 to 255"
        for name, (mean, scale) in COMMON.items():
            yield f"  {name}: mean {yaml_numbers(mean)}, scale {yaml_numbers(scale)}"


def _end(end: TensorInfo) -> str:
    return f"{end.name}, {end.dtype} {_shape(end.shape)}"


def _shape(shape: tuple[int | None, ...]) -> str:
    sizes = [
        "n" if place == 0 and size is None else "any" if size is None else str(size)
        for place, size in enumerate(shape)
    ]
    return f"[{', '.join(sizes)}]"


def _layout(found: ModelInfo) -> str:
    words = {"NHWC": "height, width, channels (NHWC)", "NCHW": "channels, height, width (NCHW)"}
    return f": {words[found.layout]}" if found.layout else ""


def _kinds(found: ModelInfo) -> str:
    ordered = sorted(found.operator_counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{count} {kind}" for kind, count in ordered[:SHOWN])
    rest = sum(count for _, count in ordered[SHOWN:])
    return f"{sum(found.operator_counts.values())}: {shown}{f', {rest} others' if rest else ''}"

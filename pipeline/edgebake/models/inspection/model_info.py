"""Properties of a model that its file states, in any format."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from edgebake.terminal.printable import MAX_LENGTH, printable

IMAGE_CHANNELS = (1, 3)
LOGITS = "linear"
SAVED_MODEL = "SavedModel"  # container of a graph of TensorFlow
PROBABILITIES = ("softmax", "sigmoid")
MAX_SIZE = 2**31 - 1  # of a dimension
NAME_LENGTH = 100  # characters of a tensor or an operator
MAX_RANK = 64  # dimensions of a tensor, as NumPy


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a model; its texts are escaped by `printable`.

    Raises:
        ValueError: a size is none that a tensor can have.
    """

    name: str
    shape: tuple[int | None, ...]  # None: any size
    dtype: str

    def __post_init__(self) -> None:
        """Escape the texts, and check the sizes."""
        _escape_texts(self, NAME_LENGTH)
        if len(self.shape) > MAX_RANK:
            raise ValueError(
                f"tensor {self.name!r} has {len(self.shape):,} dimensions; "
                f"expected at most {MAX_RANK}"
            )
        for size in self.shape:
            if size is not None and not _is_size(size):
                raise ValueError(
                    f"tensor {self.name!r} has the size {printable(size, max_length=40)}; "
                    f"expected a whole number from 0 to {MAX_SIZE:,}"
                )


@dataclass(frozen=True)
class PixelScaling:
    """Scaling of pixels from 0 to 255 that a model expects: (pixel - mean) * scale, per channel."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    reason: str  # how it is known


@dataclass(frozen=True)
class ImageResize:
    """Resize of images of any size that a model does itself, before all else."""

    height: int
    width: int
    filter_name: str  # a value of recipe.Resize
    antialias: bool
    is_cropped: bool  # to the aspect ratio, before it
    reason: str  # how it is known


@dataclass(frozen=True)
class ModelInfo:
    """All that can be read from a model file.

    All texts but the labels are escaped by `printable`: those are data, which a recipe may use.
    """

    format: str  # keras, onnx or tflite
    container: str  # the kind of file, for example: HDF5
    producer: str  # program that wrote it
    file_size: int  # bytes
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    final_activation: str | None  # None: not known
    parameters: int
    operator_counts: Mapping[str, int]  # of layers in a Keras config
    precision: str = "float32"  # of weights and activations, as text
    is_quantized: bool = False
    preprocessing: tuple[str, ...] = ()  # operations of the model before its first layer
    code_risk: str | None = None  # why loading the file executes code, if it does
    unsupported: str | None = None  # why the file cannot be imported, if it cannot
    pixel_scaling: PixelScaling | None = None  # None: not known
    resize: ImageResize | None = None  # None: not known
    color: str | None = None  # grayscale, rgb or bgr; None: not known
    labels: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Escape the texts."""
        _escape_texts(self, MAX_LENGTH)

    @property
    def layout(self) -> str | None:
        """Return NHWC or NCHW; None if the input is no image, or could be either."""
        if len(self.inputs) != 1:
            return None
        shape = self.inputs[0].shape
        if len(shape) != 4:
            return None
        could_be_nhwc = shape[3] in IMAGE_CHANNELS
        could_be_nchw = shape[1] in IMAGE_CHANNELS
        if could_be_nhwc == could_be_nchw:
            return None
        return "NHWC" if could_be_nhwc else "NCHW"

    @property
    def image(self) -> tuple[int | None, int | None, int | None]:
        """Return height, width and channels of the input; all None if it is no image."""
        if self.layout is None:
            return None, None, None
        shape = self.inputs[0].shape
        if self.layout == "NHWC":
            return shape[1], shape[2], shape[3]
        return shape[2], shape[3], shape[1]

    @property
    def resolution(self) -> tuple[int | None, int | None]:
        """Return height and width of the input, or those that the model resizes it to.

        Both are None if the input has any size, or is no image.
        """
        height, width, _ = self.image
        if height is None and self.resize is not None:
            return self.resize.height, self.resize.width
        return height, width

    @property
    def has_layers(self) -> bool:
        """Return whether the file holds layers, which can be trained, pruned and replaced."""
        return self.format == "keras" and not self.container.startswith(SAVED_MODEL)

    @property
    def classes(self) -> int | None:
        """Return the number of classes, 2 for a single probability; None if it is not known."""
        if len(self.outputs) != 1:
            return None
        shape = self.outputs[0].shape
        if not shape:
            return None
        sizes = [size for size in shape[1:] if size != 1]
        if not sizes:
            return 2
        if len(sizes) > 1:
            return None
        return sizes[0]

    @property
    def output(self) -> str | None:
        """Return `probabilities` or `logits`, as in a recipe; None if it is not known."""
        if self.final_activation in PROBABILITIES:
            return "probabilities"
        if self.final_activation == LOGITS:
            return "logits"
        return None


def _escape_texts(info: TensorInfo | ModelInfo, max_length: int) -> None:
    """Escape every text of a frozen dataclass, except for labels, and cut longer ones."""
    for attribute in fields(info):
        value = getattr(info, attribute.name)
        if attribute.name != "labels":
            object.__setattr__(info, attribute.name, _escaped(value, max_length))


def _escaped(value: object, max_length: int) -> object:
    """Return a text, or the texts in a tuple or mapping, escaped; any other value as it is."""
    if isinstance(value, str):
        return printable(value, max_length=max_length)
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        return tuple(printable(text, max_length=max_length) for text in value)
    if isinstance(value, Mapping):
        return _escaped_mapping(value, max_length)
    return value


def _escaped_mapping(mapping: Mapping[object, object], max_length: int) -> dict[str, object]:
    """Return a mapping with escaped keys; numbers of keys that become equal are added up."""
    escaped: dict[str, object] = {}
    for key, value in mapping.items():
        name = printable(key, max_length=NAME_LENGTH)
        if isinstance(value, int):
            count = escaped.get(name, 0)
            escaped[name] = value + (count if isinstance(count, int) else 0)
        else:
            escaped[name] = _escaped(value, max_length)
    return escaped


def _is_size(size: object) -> bool:
    if not isinstance(size, int) or isinstance(size, bool):
        return False
    return 0 <= size <= MAX_SIZE

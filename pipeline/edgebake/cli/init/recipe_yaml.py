"""YAML of a model recipe, and recipes to start from; `# ?` marks what a person has to decide."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgebake.documents import strict_yaml
from edgebake.models.inspection.model_info import ModelInfo
from edgebake.recipe import Attribution
from edgebake.recipe.missing import MISSING
from edgebake.report.model_file import yaml_numbers
from edgebake.terminal.printable import printable

UNQUOTED = re.compile(r"(?!- )[A-Za-z0-9_./-]([A-Za-z0-9_./ +()-]*[A-Za-z0-9_./+()-])?")
INTERPOLATION = re.compile(r"(\\*)\$\{")
NUMBER = re.compile(r"[\d._+-]+")
YAML_KEYWORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
DEFAULT_RUNTIMES = {"keras": "litert", "onnx": "onnxruntime", "tflite": "litert"}  # by format


@dataclass(frozen=True)
class ImportOptions:
    """Values of a model recipe; None for those that a person has to decide."""

    file: str
    output: str | None  # probabilities or logits
    resolution: int | None  # height in pixels
    image_width: int | None = None  # in pixels; None: square images
    head: str = "keep"
    allow_code: bool = False
    attribution: Attribution = field(default_factory=Attribution)


def recipe_name(path: Path) -> str:
    """Return a file's name as a recipe's name: lower case, letters, digits and _ alone."""
    return re.sub(r"\W+", "_", path.resolve().stem.lower(), flags=re.ASCII).strip("_") or "mine"


def quote(value: str) -> str:
    """Return a text as YAML, in quotes if it would be read as something else.

    It is read as it is: OmegaConf computes no `${...}` in it.
    """
    if value == MISSING:
        return value
    is_keyword = value.lower() in YAML_KEYWORDS
    is_text = strict_yaml.reads_as_text(value) and not NUMBER.fullmatch(value)
    if UNQUOTED.fullmatch(value) and is_text and not is_keyword:
        return value
    literal = INTERPOLATION.sub(r"\1\1\\${", value)
    quoted = json.dumps(literal, ensure_ascii=False)
    return printable(quoted, max_length=len(quoted))


def shell_word(file: str) -> str:
    """Return a path as one word of a command that a user may copy into a shell."""
    return shlex.quote(printable(file, max_length=len(file)))


def import_options(model_info: ModelInfo, file: str) -> ImportOptions:
    """Return the values of a model recipe that the file defines."""
    height, width = model_info.resolution
    image_width = width if width != height else None
    return ImportOptions(
        file=file, output=model_info.output, resolution=height, image_width=image_width
    )


def model_recipe(model_info: ModelInfo, options: ImportOptions) -> str:
    """Return the text of recipes/model/<name>.yaml."""
    container = model_info.container.split(",")[0]
    resolution = "224 # ? it takes any size; pixels per side, or the height"
    if options.resolution:
        resolution = f"{options.resolution} # pixels per side, or the height"
    file = shell_word(options.file)
    lines = [
        f"# Of the {container} {printable(options.file)}. Track it with `dvc add {file}`.",
        "architecture: import",
        "width_multiplier: 1.0 # unused",
        f"resolution: {resolution}",
        "imported:",
        f"  file: {quote(options.file)}",
        f"  output: {_output(model_info, options)}",
        f"  head: {options.head} # {_head_choices(model_info)}",
        f"  allow_code: {str(options.allow_code).lower()} # true: Lambda layers, "
        "which contain code of the file's author, may run",
        f"  image_width: {options.image_width or 'null'} # pixels; null: square images",
        "pretrained: # its origin; `package` checks the license with the policy in "
        "recipes/release.yaml",
        *attribution_lines(options.attribution),
    ]
    return "".join(f"{line}\n" for line in lines)


def _head_choices(model_info: ModelInfo) -> str:
    if model_info.has_layers:
        return "keep, or new: the last dense layer is replaced by one for your classes"
    return "keep: the file holds a graph, of which no layer can be replaced"


def _output(model_info: ModelInfo, options: ImportOptions) -> str:
    reason = "its last layer is unknown"
    if model_info.final_activation:
        reason = f"its last layer is {model_info.final_activation}"
    if options.output:
        return f"{options.output} # {reason}"
    return f"probabilities # ? or logits, if they do not sum to 1: {reason}"


def attribution_lines(attribution: Attribution) -> list[str]:
    """Return the four indented lines of an attribution."""
    hint = ""
    if attribution.license == MISSING:
        hint = " # SPDX, or LicenseRef-... with its text in LICENSES/"
    return [
        f"  name: {quote(attribution.name)}",
        f"  author: {quote(attribution.author)}",
        f"  license: {quote(attribution.license)}{hint}",
        f"  source: {quote(attribution.source)}",
    ]


def pixel_scaling_lines(mean: Sequence[float], scale: Sequence[float]) -> list[str]:
    """Return the lines of `mean` and `scale`, which hold one number or one for each channel."""
    formula = "the input is (pixel - mean) * scale; one number, or one per channel"
    return [
        f"mean: {yaml_numbers(tuple(mean))} # {formula}",
        f"scale: {yaml_numbers(tuple(scale))}",
    ]


def recipes_to_start_from(model_info: ModelInfo, file: str, name: str) -> list[str]:
    """Return the lines of a model, a data and a target recipe, filled in as far as is known."""
    train = "none # import without training"
    if model_info.format == "keras":
        train += "; or fine_tune"
    return [
        f"--- recipes/model/{name}.yaml",
        *model_recipe(model_info, import_options(model_info, file)).splitlines(),
        "--- recipes/data/<yours>.yaml, replacing the lines of the same keys",
        *_data_lines(model_info),
        f"--- recipes/target/{name}.yaml",
        "# @package _global_",
        "defaults:",
        "  - override /device: pixel_8 # ? `edgebake list` prints all devices",
        "  - override /data: <yours> # ?",
        f"  - override /model: {name}",
        f"  - override /train: {train}",
        "  - override /quantize: float16 # ? or int8",
        f"  - override /convert: {DEFAULT_RUNTIMES[model_info.format]}",
        "---",
        f"Or let `{_init_command(model_info, file, name)}` write all three.",
    ]


def _init_command(model_info: ModelInfo, file: str, name: str) -> str:
    """Return a command with a flag for everything that the file does not say."""
    arguments = ["edgebake init", name, "--device pixel_8", f"--model {shell_word(file)}"]
    arguments.append("--data FOLDER")
    if model_info.resolution[0] is None:
        arguments.append("--resolution 224")
    if model_info.output is None:
        arguments.append("--output probabilities")
    if model_info.pixel_scaling is None:
        arguments.append("--mean 127.5 --scale 0.00784313725490196")
    if model_info.resize is None:
        flag = "--antialias" if _assumes_antialias(model_info) else "--no-antialias"
        arguments.append(flag)
    return " ".join(arguments)


def _data_lines(model_info: ModelInfo) -> list[str]:
    """Return the lines of a data recipe that depend on the model."""
    color = model_info.color or "rgb # ? or bgr"
    if not model_info.color and model_info.image[2] == 1:
        color = "grayscale"
    labels = "null # ? or a text file, one class per line"
    if model_info.labels:
        labels = "labels.txt # ? one class per line, in the order of the model's outputs"
    scaling = model_info.pixel_scaling
    if scaling:
        pixel_lines = pixel_scaling_lines(scaling.mean, scaling.scale)
    else:
        mean, scale = pixel_scaling_lines([127.5], [1 / 127.5])
        pixel_lines = [mean.replace("# ", "# ? "), f"{scale} # ?"]
    return [f"color: {color}", *_resize_lines(model_info), *pixel_lines, f"labels: {labels}"]


def _assumes_antialias(model_info: ModelInfo) -> bool:
    """Return the likelier resize: ONNX files are mostly PyTorch's, whose images are Pillow's."""
    return model_info.format == "onnx"


def _resize_lines(model_info: ModelInfo) -> list[str]:
    resize = model_info.resize
    if resize is None and _assumes_antialias(model_info):
        return ["antialias: true # ? as Pillow and torchvision; or false, as TensorFlow and Keras"]
    if resize is None:
        return ["antialias: false # ? as TensorFlow and Keras; or true, as Pillow and torchvision"]
    lines = [f"resize: {resize.filter_name}", f"antialias: {str(resize.antialias).lower()}"]
    if resize.is_cropped:
        lines.append("crop: center")
    return lines

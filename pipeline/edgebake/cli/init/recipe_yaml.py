"""What was read from a model in, the YAML of a recipe to start from out; `# ?` marks what a person has to decide."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from edgebake.models.inspection.model_info import ModelInfo
from edgebake.report.model_file import yaml_numbers

MISSING = "???"
PLAIN = re.compile(r"[A-Za-z0-9_./-]([A-Za-z0-9_./ +()-]*[A-Za-z0-9_./+()-])?")
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True)
class Origin:
    """Who made data or weights; what nobody said is `???`, which `edgebake check` asks for by name."""

    name: str = MISSING
    author: str = MISSING
    license: str = MISSING
    source: str = MISSING

    def missing(self) -> list[str]:
        """Return the words that nobody said."""
        return [one.name for one in fields(self) if getattr(self, one.name) == MISSING]


@dataclass(frozen=True)
class Brought:
    """The words of recipes/model/<name>.yaml; those that are None, a person has to decide."""

    file: str
    output: str | None
    resolution: int | None
    image_width: int | None = None
    head: str = "keep"
    allow_code: bool = False
    origin: Origin = Origin()


def name_of(path: Path) -> str:
    """Return a name for recipes: letters, digits and _ alone."""
    return re.sub(r"\W+", "_", path.resolve().stem.lower(), flags=re.ASCII).strip("_") or "mine"


def text(value: str) -> str:
    """Return a text as YAML, in quotes where it needs them."""
    is_plain = (
        PLAIN.fullmatch(value)
        and value.lower() not in WORDS
        and not re.fullmatch(r"[\d._+-]+", value)
    )
    return value if is_plain or value == MISSING else json.dumps(value, ensure_ascii=False)


def brought(found: ModelInfo, file: str) -> Brought:
    """Return the words of a model as far as its file says them."""
    height, width, _ = found.image
    image_width = width if width != height else None
    return Brought(file=file, output=found.output, resolution=height, image_width=image_width)


def model(found: ModelInfo, words: Brought) -> str:
    """Return recipes/model/<name>.yaml."""
    why = (
        f"its last layer is {found.final_activation}"
        if found.final_activation
        else "its last layer cannot be told"
    )
    output = (
        f"{words.output} # {why}"
        if words.output
        else f"probabilities # ? or logits, where they do not sum to 1: {why}"
    )
    resolution = str(words.resolution) if words.resolution else "224"
    asked = "" if words.resolution else "? it takes any size; "
    return "\n".join(
        [
            f"# Of the {found.container.split(',')[0]} {words.file}. Track it with `dvc add {words.file}`.",
            "architecture: import",
            "width_multiplier: 1.0 # as it is",
            f"resolution: {resolution} # {asked}pixels a side, or from top to bottom",
            "imported:",
            f"  file: {text(words.file)}",
            f"  output: {output}",
            f"  head: {words.head} # keep, or new: its last dense layer makes place for one that has your classes",
            f"  allow_code: {str(words.allow_code).lower()} # true: its Lambda layers, which are code, may run",
            f"  image_width: {words.image_width or 'null'} # pixels; null: its images are square",
            "pretrained: # who trained it; `package` holds the license against those that recipes/release.yaml allows",
            *origin(words.origin),
            "",
        ]
    )


def origin(words: Origin) -> list[str]:
    """Return the four lines of who made something."""
    spdx = (
        " # SPDX, or LicenseRef-... with its text in LICENSES/" if words.license == MISSING else ""
    )
    return [
        f"  name: {text(words.name)}",
        f"  author: {text(words.author)}",
        f"  license: {text(words.license)}{spdx}",
        f"  source: {text(words.source)}",
    ]


def pixels(mean: Sequence[float], scale: Sequence[float], mark: str = "") -> list[str]:
    """Return the two lines of what pixels become."""
    return [
        f"mean: {yaml_numbers(tuple(mean))} # {mark}the model sees (pixel - mean) * scale; "
        "one, or one for each channel",
        f"scale: {yaml_numbers(tuple(scale))}{' # ?' if mark else ''}",
    ]


def start(found: ModelInfo, file: str, name: str) -> list[str]:
    """Return the lines of a recipe to start from: a model, what the data have to say for it, and a target."""
    words = brought(found, file)
    color = found.color or ("grayscale" if found.image[2] == 1 else "rgb # ? or bgr")
    mean, scale = (
        (found.pixel_scaling.mean, found.pixel_scaling.scale)
        if found.pixel_scaling
        else ((127.5,), (1 / 127.5,))
    )
    known = bool(found.pixel_scaling)
    labels = (
        "labels.txt # ? its lines in the order of the answers"
        if found.labels
        else "null # ? or a text file"
    )
    runtime = {"keras": "litert", "onnx": "onnxruntime", "tflite": "litert"}[found.format]
    return [
        f"--- recipes/model/{name}.yaml",
        *model(found, words).splitlines(),
        "--- recipes/data/<yours>.yaml, in place of its own lines",
        f"color: {color}",
        *pixels(mean, scale, "" if known else "? "),
        f"labels: {labels}, one class a line",
        f"--- recipes/target/{name}.yaml",
        "# @package _global_",
        "defaults:",
        "  - override /device: pixel_8 # ? `edgebake list` names those that there are",
        "  - override /data: <yours> # ?",
        f"  - override /model: {name}",
        "  - override /train: none # as it was trained"
        + ("; or fine_tune" if found.format == "keras" else ""),
        f"  - override /quantize: {'none' if 'already' in found.precision else 'float16'} # ? or int8",
        f"  - override /convert: {runtime}",
        "---",
        f"Or let `edgebake init {name} --device pixel_8 --model {file} --data FOLDER` write all three.",
    ]

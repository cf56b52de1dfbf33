"""What a stage gets to read: its variant's section of params.yaml, typed.

A section is the recipe's own group, plus the names of the variants it builds on and the versions of the tools it uses.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from edgebake import artifacts, recipe
from edgebake.errors import PlanError, RecipeError, listed, nearest
from edgebake.recipe.config_errors import translate
from edgebake.recipe.release_info import ReleaseInfo

PARAMS = Path("params.yaml")
# What a stage depends on where its parameters name no file: a file that is always the same.
NO_FILE = (artifacts.ROOT / "plan.ok").as_posix()


@dataclass
class DataParams(recipe.Data):
    """What the stage `data` reads."""

    data_file: str = MISSING  # `path`, or NO_FILE
    classes: str = MISSING  # the labels file; `data_file` where the data say the classes
    tools: dict[str, str] = MISSING


@dataclass
class TrainParams(recipe.Train):
    """What train reads."""

    examples: str = MISSING  # the variant of `data`
    format: str = MISSING  # of the model that train writes: keras, onnx or tflite
    reference: str = (
        MISSING  # the float model that others are compared with: float.tflite or float.onnx
    )
    file: str = MISSING  # of an imported model; NO_FILE for one that is built here
    weights: str = (
        MISSING  # where its weights lie, beside many an ONNX file; `file` where they are in it
    )
    data: recipe.Data = field(default_factory=recipe.Data)
    data_file: str = MISSING  # `data.path`, or NO_FILE
    model: recipe.Model = field(default_factory=recipe.Model)
    tools: dict[str, str] = MISSING


@dataclass
class PruneParams(recipe.Prune):
    """What prune reads."""

    train: str = MISSING
    examples: str = MISSING
    format: str = MISSING
    teacher: str = MISSING  # the variant of train that fine-tuning learns from; `train` where it learns from none
    data: recipe.Data = field(default_factory=recipe.Data)
    data_file: str = MISSING  # `data.path`, or NO_FILE
    tools: dict[str, str] = MISSING


@dataclass
class QuantizeParams(recipe.Quantize):
    """What quantize reads."""

    weights: str = MISSING  # of the scheme, as its row of compression/quantization/schemes.py says
    activations: str = MISSING
    qat_bits: int | None = None
    prune: str = MISSING
    examples: str = MISSING
    format: str = MISSING
    data: recipe.Data = field(default_factory=recipe.Data)
    data_file: str = MISSING  # `data.path`, or NO_FILE
    accuracy: recipe.Floor | None = (
        None  # the gates that `mixed` has to pass, null for all other schemes
    )
    accuracy_drop: recipe.Ceiling | None = None
    tools: dict[str, str] = MISSING


@dataclass
class ConvertParams(recipe.Convert):
    """What convert reads."""

    quantize: str = MISSING
    format: str = MISSING
    encoder: str = MISSING  # the family of schemes, and the module of runtimes/<runtime>/encoders/ that writes it
    strip: bool = MISSING  # whether names, texts and metadata are taken out of the file
    about: ReleaseInfo = field(default_factory=ReleaseInfo)
    tools: dict[str, str] = MISSING


@dataclass
class ValidateParams(recipe.Protocol):
    """What validate reads; the budget is package's, so that a new one measures nothing again."""

    convert: str = MISSING
    speedup: bool = MISSING  # whether it is timed beside its float parent
    baseline: str = MISSING  # that parent in the same runtime; `convert` itself where it is one, or none is timed
    inputs: dict[str, str] = (
        MISSING  # sha256 of each file outside the pipeline that measuring reads, by its path
    )
    train: str = MISSING  # its float model is what loss is counted against
    examples: str = MISSING
    reference: str = MISSING  # the file of that float model
    reference_runtime: str = MISSING  # which runs it
    runtime: str = MISSING
    platform: str = MISSING
    data: recipe.Data = field(default_factory=recipe.Data)
    data_file: str = MISSING  # `data.path`, or NO_FILE
    tools: dict[str, str] = MISSING


@dataclass
class ImportedComponent(recipe.Attribution):
    """What a target is made from and somebody else made."""

    kind: str = MISSING  # data or weights


@dataclass
class TargetParams:
    """One target of a bundle."""

    validate: str = MISSING
    runtime: str = MISSING
    device: recipe.Device = field(default_factory=recipe.Device)
    budget: recipe.Budget = field(default_factory=recipe.Budget)
    waivers: list[recipe.Waiver] = field(default_factory=list)
    package: recipe.Package = field(default_factory=recipe.Package)
    ingredients: list[ImportedComponent] = field(default_factory=list)
    recipe_sha256: str = (
        MISSING  # of the sections that led here: a change in any of them packages again
    )


@dataclass
class PackageParams:
    """What package reads: everything of one platform."""

    about: ReleaseInfo = field(default_factory=ReleaseInfo)
    card: recipe.Card = field(default_factory=recipe.Card)
    licenses: recipe.Licenses = field(default_factory=recipe.Licenses)
    signature: recipe.Signature | None = None
    public_key_sha256: str | None = None  # of the file that `signature` names
    encryption_key: str | None = None
    tools: dict[str, str] = field(default_factory=dict)
    targets: dict[str, TargetParams] = MISSING  # in the order in which an app tries them


STAGE_PARAMS: dict[str, type] = {
    "data": DataParams,
    "train": TrainParams,
    "prune": PruneParams,
    "quantize": QuantizeParams,
    "convert": ConvertParams,
    "validate": ValidateParams,
    "package": PackageParams,
}


def read_plan() -> dict[str, dict[str, Any]]:
    """Return params.yaml as it is, {} where there is none.

    Raises:
        RecipeError: the file is not YAML.
    """
    if not PARAMS.exists():
        return {}
    try:
        with PARAMS.open() as file:
            content = yaml.safe_load(file) or {}
    except yaml.YAMLError as error:
        raise translate(error, (), default=str(PARAMS)) from None
    _refuse_other_shapes(content)
    plan: dict[str, dict[str, Any]] = content
    return plan


def _refuse_other_shapes(content: Any) -> None:
    again = "run `edgebake plan`"
    if not isinstance(content, dict):
        raise RecipeError(
            f"{PARAMS}: not a plan; expected a mapping from stage to variants: {again}"
        )
    for stage in STAGE_PARAMS if content else ():
        variants = content.get(stage)
        if not isinstance(variants, dict) or not all(
            isinstance(section, dict) for section in variants.values()
        ):
            raise RecipeError(
                f"{PARAMS}: {stage}: not a plan; expected a mapping from variant to section: {again}"
            )


def read(stage: str, variant: str) -> Any:
    """Return a variant's section as the stage's dataclass.

    Raises:
        PlanError: the plan has no such variant.
        RecipeError: the section was edited into something that is not one.
    """
    known = read_plan().get(stage, {})
    if variant not in known:
        hint = nearest(variant, known)
        raise PlanError(
            f"{PARAMS}: {stage}.{variant}: no such variant; expected one of: {listed(known)}{hint}"
        )
    return typed(stage, variant, known[variant])


def typed(stage: str, variant: str, section: dict[str, Any]) -> Any:
    """Return a section of a plan as the stage's dataclass.

    Raises:
        RecipeError: it was edited into something that is not one.
    """
    try:
        return OmegaConf.to_object(
            OmegaConf.merge(OmegaConf.structured(STAGE_PARAMS[stage]), section)
        )
    except OmegaConfBaseException as error:
        raise RecipeError(
            str(translate(error, (), default=f"{PARAMS}: {stage}.{variant}"))
        ) from None


def plain(section: Any) -> Any:
    """Return a dataclass of the recipe language as what YAML can hold."""
    return OmegaConf.to_container(OmegaConf.structured(section), enum_to_str=True)

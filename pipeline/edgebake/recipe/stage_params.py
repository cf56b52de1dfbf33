"""Parameters of a stage: the types of the values in params.yaml.

The parameters of a variant are the recipe's options of its stage, the variants of earlier stages
that it reads, and the versions of the tools that it runs.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from edgebake import artifacts, recipe
from edgebake.documents import strict_yaml
from edgebake.documents.yaml_text import StrictYamlError
from edgebake.errors import PlanError, RecipeError, listed, nearest
from edgebake.recipe import plan_checks, typed_values
from edgebake.recipe.baseline import BaselineParams
from edgebake.recipe.data import DataParams, ImportedComponent
from edgebake.recipe.missing import MISSING
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.renamed_fields import rename_in_plan

PARAMS = plan_checks.PARAMS
Plan = plan_checks.Plan
# dvc.yaml needs a path for every dependency. This file never changes; it stands for "no file".
NO_FILE = (artifacts.ROOT / "plan.ok").as_posix()


@dataclass
class TrainParams(recipe.Train):
    """Parameters of the stage `train`."""

    # Variant of `data`.
    examples: str = MISSING
    # Format of the trained model: keras, onnx or tflite.
    format: str = MISSING
    # Path of an imported model; NO_FILE for an architecture.
    file: str = MISSING
    # Path of the weights of an imported ONNX model; equal to `file` if they are inside it.
    weights: str = MISSING
    # Options of the task.
    task: recipe.Task = field(default_factory=recipe.Task)
    # Options of the dataset.
    data: recipe.Data = field(default_factory=recipe.Data)
    # Path of the dataset, or NO_FILE.
    data_file: str = MISSING
    # Options of the model.
    model: recipe.Model = field(default_factory=recipe.Model)
    # Runtimes whose float file may be the float reference, the preferred one first.
    reference_runtime: list[str] = field(default_factory=list)
    # Versions of the tools, by distribution.
    tools: dict[str, str] = MISSING


@dataclass
class PruneParams(recipe.Prune):
    """Parameters of the stage `prune`."""

    # Variant of `train` that is pruned.
    train: str = MISSING
    # Variant of `data`.
    examples: str = MISSING
    # Format of the trained model: keras, onnx or tflite.
    format: str = MISSING
    # Variant of `train` that is the teacher of fine-tuning; `train` if there is no teacher.
    teacher: str = MISSING
    # Options of the task.
    task: recipe.Task = field(default_factory=recipe.Task)
    # Options of the dataset.
    data: recipe.Data = field(default_factory=recipe.Data)
    # Path of the dataset, or NO_FILE.
    data_file: str = MISSING
    # Versions of the tools, by distribution.
    tools: dict[str, str] = MISSING


@dataclass
class QuantizeParams(recipe.Quantize):
    """Parameters of the stage `quantize`."""

    # Number format of the weights, from the scheme's row of compression/quantization/schemes.py.
    weights: str = MISSING
    # Number format of the activations, from the same row.
    activations: str = MISSING
    # Number of bits that quantization-aware training simulates, from the same row; null: none.
    qat_bits: int | None = None
    # Variant of `prune` that is quantized.
    prune: str = MISSING
    # Variant of `data`.
    examples: str = MISSING
    # Format of the trained model: keras, onnx or tflite.
    format: str = MISSING
    # Options of the task.
    task: recipe.Task = field(default_factory=recipe.Task)
    # Options of the dataset.
    data: recipe.Data = field(default_factory=recipe.Data)
    # Path of the dataset, or NO_FILE.
    data_file: str = MISSING
    # Gate on accuracy that `mixed` has to pass; null for other schemes.
    accuracy: recipe.Floor | None = None
    # Gate on the accuracy drop that `mixed` has to pass; null for other schemes.
    accuracy_drop: recipe.Ceiling | None = None
    # Runtimes whose float file may be the float reference, the preferred one first.
    reference_runtime: list[str] = field(default_factory=list)
    # Versions of the tools, by distribution.
    tools: dict[str, str] = MISSING


@dataclass
class ConvertParams(recipe.Convert):
    """Parameters of the stage `convert`."""

    # Variant of `quantize` that is converted.
    quantize: str = MISSING
    # Variant of `data`, for the comparison of the file with its model.
    examples: str = MISSING
    # Options of the task.
    task: recipe.Task = field(default_factory=recipe.Task)
    # Options of the dataset.
    data: recipe.Data = field(default_factory=recipe.Data)
    # Path of the dataset, or NO_FILE.
    data_file: str = MISSING
    # Format of the trained model: keras, onnx or tflite.
    format: str = MISSING
    # Encoder of the scheme: a module of edgebake/runtimes/<runtime>/encoders/.
    encoder: str = MISSING
    # Whether names, texts and metadata are removed from the file.
    strip: bool = MISSING
    # Whether int8 weights have 7 bits, as integer kernels of the device may overflow with 8.
    reduce_range: bool = False
    # Description of the release, for the metadata of the file.
    about: ReleaseInfo = field(default_factory=ReleaseInfo)
    # Versions of the tools, by distribution.
    tools: dict[str, str] = MISSING


@dataclass
class ValidateParams(recipe.Protocol):
    """Parameters of the stage `validate`; gates are `package`'s: a new limit measures nothing."""

    # Variant of `convert` that is measured.
    convert: str = MISSING
    # Whether the speedup against the float model is measured.
    speedup: bool = MISSING
    # Variant of `convert` with the float parent; `convert` again if that is it, or if not timed.
    float_parent: str = MISSING
    # SHA-256 digests of files outside the pipeline that the measurement reads, by path.
    inputs: dict[str, str] = MISSING
    # Variant of `train` whose float reference the accuracy drop refers to.
    train: str = MISSING
    # Variant of `data`.
    examples: str = MISSING
    # Runtime of the measured file.
    runtime: str = MISSING
    # Platform of the target.
    platform: str = MISSING
    # Options of the task.
    task: recipe.Task = field(default_factory=recipe.Task)
    # Options of the dataset.
    data: recipe.Data = field(default_factory=recipe.Data)
    # Path of the dataset, or NO_FILE.
    data_file: str = MISSING
    # How false alarms are counted; null: no gate asks for them.
    listening: recipe.Listening | None = None
    # Runtimes whose float file may be the float reference, the preferred one first.
    reference_runtime: list[str] = field(default_factory=list)
    # Versions of the tools, by distribution.
    tools: dict[str, str] = MISSING


@dataclass
class TargetParams:
    """Parameters of the stage `package` for one target."""

    # Variant of `validate`.
    validate: str = MISSING
    # Runtime of the model file.
    runtime: str = MISSING
    # Options of the task.
    task: recipe.Task = field(default_factory=recipe.Task)
    # Options of the model's input.
    input: recipe.DataInput = field(default_factory=recipe.DataInput)
    # Facts about the class of devices.
    device: recipe.Device = field(default_factory=recipe.Device)
    # Gates.
    budget: recipe.Budget = field(default_factory=recipe.Budget)
    # Waivers of gates.
    waivers: list[recipe.Waiver] = field(default_factory=list)
    # Postprocessing and protection.
    package: recipe.Package = field(default_factory=recipe.Package)
    # Attributions of dataset and pretrained weights.
    ingredients: list[ImportedComponent] = field(default_factory=list)
    # SHA-256 digest of all parameters that lead to this target; a new one packages again.
    recipe_sha256: str = MISSING
    # Whose candidate this entry is; null: a target of the release itself.
    candidate: recipe.CandidateParams | None = None


@dataclass
class PackageParams:
    """Parameters of the stage `package` for one platform."""

    # Description of the release.
    about: ReleaseInfo = field(default_factory=ReleaseInfo)
    # Statements of the model card.
    card: recipe.Card = field(default_factory=recipe.Card)
    # License policy.
    licenses: recipe.Licenses = field(default_factory=recipe.Licenses)
    # Key pair that signs the bundle; null: unsigned.
    signature: recipe.Signature | None = None
    # SHA-256 digest of the file with the public key; null: no signature, or no such file.
    public_key_sha256: str | None = None
    # Encryption key; null: nothing is encrypted.
    encryption_key: str | None = None
    # Versions of the tools, by distribution.
    tools: dict[str, str] = field(default_factory=dict)
    # Targets of the platform, in the order in which an app tries them.
    targets: dict[str, TargetParams] = MISSING


STAGE_PARAMS: dict[str, type] = {
    "data": DataParams,
    "train": TrainParams,
    "prune": PruneParams,
    "baseline": BaselineParams,
    "quantize": QuantizeParams,
    "convert": ConvertParams,
    "validate": ValidateParams,
    "package": PackageParams,
}


def read_plan() -> Plan:
    """Read params.yaml; return {} if there is no such file.

    Raises:
        RecipeError: as `parse_plan` does.
    """
    if not PARAMS.exists():
        return {}
    with PARAMS.open("rb") as file:
        data = file.read(strict_yaml.MAX_BYTES_OF_PLAN + 1)
    return deepcopy(_parse_last(data))


@lru_cache(maxsize=1)  # a build reads the file a dozen times
def _parse_last(data: bytes) -> Plan:
    return parse_plan(data)


def parse_plan(data: bytes) -> Plan:
    """Return the plan that params.yaml holds; {} if it is empty.

    Raises:
        RecipeError: it is not YAML, not a mapping from stage to variants, or a variant has a value
            of another type, lacks one, or refers to a variant that does not exist.
    """
    try:
        plan = strict_yaml.parse(data, strict_yaml.MAX_BYTES_OF_PLAN)
    except StrictYamlError as error:
        raise RecipeError(f"{PARAMS}: {error}: {plan_checks.HINT}") from None
    if plan is None:
        return {}
    plan_checks.check_sections(plan, STAGE_PARAMS)
    renamed: Plan = rename_in_plan(plan, tuple(STAGE_PARAMS))
    plan_checks.check_values(renamed, STAGE_PARAMS)
    return renamed


def read(stage: str, variant: str) -> Any:
    """Read the parameters of a variant from params.yaml, as the dataclass of its stage.

    Raises:
        PlanError: the plan has no such variant.
        RecipeError: the parameters were edited and do not fit the dataclass.
    """
    variants = read_plan().get(stage, {})
    if variant not in variants:
        expected = f"expected one of: {listed(variants)}{nearest(variant, variants)}"
        raise PlanError(f"{PARAMS}: {stage}.{variant}: no such variant; {expected}")
    return parse(stage, variant, variants[variant])


def parse(stage: str, variant: str, params: dict[str, Any]) -> Any:
    """Convert the parameters of a variant to the dataclass of its stage.

    Raises:
        RecipeError: the parameters were edited and do not fit the dataclass.
    """
    try:
        return typed_values.from_plain(STAGE_PARAMS[stage], params)
    except typed_values.ConversionError:
        # An experiment may have set a value to another one, `${train.epochs}`.
        from edgebake.recipe import linked_values  # imports OmegaConf

        location = f"{PARAMS}: {stage}.{variant}"
        return linked_values.resolve(STAGE_PARAMS[stage], params, location)

"""The recipe language: the options of recipes/, with their types; one module per group.

The values are in the YAML files. Checks of values, and of options that depend on each other, are in
edgebake/plan/checks/.
"""

from dataclasses import dataclass, field, fields

from edgebake.recipe.baseline import BaselineKind
from edgebake.recipe.candidates import CandidateParams, Candidates, Preference
from edgebake.recipe.convert import Convert, CoreML, Precision, ResolutionRange
from edgebake.recipe.data import (
    Attribution,
    Color,
    Crop,
    Data,
    DataInput,
    Encoding,
    Features,
    OnCorrupt,
    OnLeak,
    Resize,
    SourcedData,
    SplitBy,
    Splits,
    Table,
)
from edgebake.recipe.device import Accelerator, Compute, Cpu, Device, DType, Platform
from edgebake.recipe.model import Head, Imported, Model, Output, SourcedModel
from edgebake.recipe.package import Package, Protect, Smooth
from edgebake.recipe.prune import (
    ComparedPrune,
    ImportanceScore,
    Prune,
    PruningTarget,
    SparsityPattern,
)
from edgebake.recipe.quantize import (
    Calibration,
    Compression,
    Granularity,
    Palette,
    Qat,
    Quantize,
    TrainedRanges,
)
from edgebake.recipe.release import Card, Licenses, Release, Signature, StageMemory
from edgebake.recipe.task import Task
from edgebake.recipe.train import (
    Augment,
    ClassWeights,
    Distill,
    EarlyStopping,
    FineTune,
    Flip,
    Monitor,
    Schedule,
    Train,
)
from edgebake.recipe.validate import (
    Adb,
    AlarmCeiling,
    Budget,
    Ceiling,
    Evidence,
    Floor,
    Gate,
    Inconclusive,
    Listening,
    Mac,
    MetricGate,
    ParityGate,
    PlacementFloor,
    Protocol,
    Recorded,
    SliceFloor,
    Ssh,
    TimedCeiling,
    TimedFloor,
    Validate,
    Waiver,
)

__all__ = [
    "Accelerator",
    "Adb",
    "AlarmCeiling",
    "Attribution",
    "Augment",
    "BaselineKind",
    "Budget",
    "Calibration",
    "CandidateParams",
    "Candidates",
    "Card",
    "Ceiling",
    "ClassWeights",
    "Color",
    "ComparedPrune",
    "Compression",
    "Compute",
    "Convert",
    "CoreML",
    "Cpu",
    "Crop",
    "DType",
    "Data",
    "DataInput",
    "Device",
    "Distill",
    "EarlyStopping",
    "Encoding",
    "Evidence",
    "Features",
    "FineTune",
    "Flip",
    "Floor",
    "Gate",
    "Granularity",
    "Head",
    "ImportanceScore",
    "Imported",
    "Inconclusive",
    "Licenses",
    "Listening",
    "Mac",
    "MetricGate",
    "Model",
    "Monitor",
    "OnCorrupt",
    "OnLeak",
    "Output",
    "Package",
    "Palette",
    "ParityGate",
    "PlacementFloor",
    "Platform",
    "Precision",
    "Preference",
    "Protect",
    "Protocol",
    "Prune",
    "PruningTarget",
    "Qat",
    "Quantize",
    "Recipe",
    "Recorded",
    "Release",
    "Resize",
    "ResolutionRange",
    "Schedule",
    "Signature",
    "SliceFloor",
    "Smooth",
    "SourcedData",
    "SourcedModel",
    "SparsityPattern",
    "SplitBy",
    "Splits",
    "Ssh",
    "StageMemory",
    "Table",
    "Task",
    "TimedCeiling",
    "TimedFloor",
    "Train",
    "TrainedRanges",
    "Validate",
    "Waiver",
    "option_groups",
]


@dataclass
class Recipe:
    """Options of one target: everything from the dataset to one model file for a device class."""

    # Facts about the class of devices.
    device: Device = field(default_factory=Device)
    # Dataset and preprocessing of the input.
    data: SourcedData = field(default_factory=SourcedData)
    # Task: what the outputs mean.
    task: Task = field(default_factory=Task)
    # Model architecture or imported file.
    model: SourcedModel = field(default_factory=SourcedModel)
    # Training.
    train: Train = field(default_factory=Train)
    # Pruning.
    prune: ComparedPrune = field(default_factory=ComparedPrune)
    # Quantization.
    quantize: Quantize = field(default_factory=Quantize)
    # Conversion to the file format of a runtime.
    convert: Convert = field(default_factory=Convert)
    # Latency measurement and gates.
    validate: Validate = field(default_factory=Validate)
    # Postprocessing and protection.
    package: Package = field(default_factory=Package)
    # Schemes that are compared for this target; null: only `quantize` is built.
    candidates: Candidates | None = None


def option_groups() -> list[str]:
    """Return the fields of a recipe for which a target chooses an option, in order."""
    return [field.name for field in fields(Recipe) if field.name != "candidates"]

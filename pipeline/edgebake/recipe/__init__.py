"""The recipe language: every word that a YAML file under recipes/ may use, with its type and unit; a file per group.

Values live in the YAML files, never here. What must hold between words is in pipeline/edgebake/plan/checks/recipe.py.
"""

from dataclasses import dataclass, field

from edgebake.recipe.convert import Convert, CoreML, Precision, ResolutionRange
from edgebake.recipe.data import (
    Attribution,
    Colour,
    Crop,
    Data,
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
from edgebake.recipe.device import Accelerator, Compute, Device, DType, Platform
from edgebake.recipe.model import Head, Imported, Model, Output, SourcedModel
from edgebake.recipe.package import Package, Protect
from edgebake.recipe.prune import ImportanceScore, Prune, PruningTarget, SparsityPattern
from edgebake.recipe.quantize import (
    Calibration,
    Compression,
    Granularity,
    Palette,
    Qat,
    Quantize,
    TrainedRanges,
)
from edgebake.recipe.release import Card, Licenses, Release, Signature
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
    Budget,
    Ceiling,
    Evidence,
    Floor,
    Gate,
    Inconclusive,
    Mac,
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
    "Attribution",
    "Augment",
    "Budget",
    "Calibration",
    "Card",
    "Ceiling",
    "ClassWeights",
    "Colour",
    "Compression",
    "Compute",
    "Convert",
    "CoreML",
    "Crop",
    "DType",
    "Data",
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
    "Mac",
    "Model",
    "Monitor",
    "OnCorrupt",
    "OnLeak",
    "Output",
    "Package",
    "Palette",
    "PlacementFloor",
    "Platform",
    "Precision",
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
    "SourcedData",
    "SourcedModel",
    "SparsityPattern",
    "SplitBy",
    "Splits",
    "Ssh",
    "Table",
    "TimedCeiling",
    "TimedFloor",
    "Train",
    "TrainedRanges",
    "Validate",
    "Waiver",
]


@dataclass
class Recipe:
    """One target: everything that turns examples into one file on one class of devices."""

    device: Device = field(default_factory=Device)
    data: SourcedData = field(default_factory=SourcedData)
    model: SourcedModel = field(default_factory=SourcedModel)
    train: Train = field(default_factory=Train)
    prune: Prune = field(default_factory=Prune)
    quantize: Quantize = field(default_factory=Quantize)
    convert: Convert = field(default_factory=Convert)
    validate: Validate = field(default_factory=Validate)
    package: Package = field(default_factory=Package)

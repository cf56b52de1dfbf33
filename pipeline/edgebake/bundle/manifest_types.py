"""Types of manifest.json, in its two forms. docs/reference/manifest.md explains each key.

edgebake.manifest/1 describes classifiers of one image; edgebake.manifest/2 any inputs and outputs.
`tensors_of` reads what differs between them.
"""

from typing import Any, NotRequired, TypedDict

JsonObject = dict[str, Any]  # JSON whose keys another format, or a `step`, defines

# One step of pre- or postprocessing: `step` is its name, the other keys are its parameters.
Step = JsonObject


class DeviceRule(TypedDict):
    """The devices that a target is for; an empty list and null allow any."""

    name: str
    minimum_os: str  # API level (Android), version (iOS), version of glibc (Linux)
    soc: list[str]  # a device has one of these
    memory_mb: int | None  # a device has at least as much; 1 MB = 1,000,000 bytes
    features: list[str]  # a device has all of these
    devices: list[str]  # a device is one of these
    excluded_devices: list[str]


class DeviceEntry(TypedDict):
    """The part of a target that decides which devices run it, and on what."""

    device: DeviceRule
    accelerators: list[str]  # in order of preference


class TensorEntry(TypedDict):
    """An input or output; real value = (stored - zero_point) * scale unless scale is null."""

    name: str
    shape: list[int]  # [1, height, width, channels] or [1, classes]; others begin with 1 too
    dtype: str
    layout: str  # NHWC for an image, NC for one number per class, values for all else
    scale: float | None
    zero_point: int | None


class RawEntry(TypedDict):
    """An input before its first step."""

    form: str  # png, pcm16, float32, utf8 or int32


class InputEntry(TypedDict):
    """An input: what an app has, the steps from there, and the tensor that the model takes."""

    name: str
    kind: str  # image, audio, signal, text, or a kind of a project's own
    tensor: TensorEntry
    raw: RawEntry
    preprocessing: list[Step]


class MeasurementEntry(TypedDict):
    """A measured number that does not depend on the machine."""

    value: float | None  # null: not measured
    unit: str
    where: str
    interval: NotRequired[list[float]]  # 95 % confidence interval, two-sided
    runtime: NotRequired[str]
    sha256: NotRequired[str]  # of the measured file
    threads: NotRequired[int]
    n: NotRequired[int]  # sample size
    reason: NotRequired[str]  # why it was not measured


class FloatReferenceEntry(TypedDict):
    """What `float_accuracy` was measured with, and what shows that it answers as the source."""

    source: str  # library of the trained model
    runtime: str | None  # that ran a float file of it; null: its own predictions, written down
    examples: int  # of the validation split, on which both were compared
    same_answers: int
    difference_at_most: float  # of one probability; a power of ten


class WaiverEntry(TypedDict):
    """A named person accepts a failed gate until a date."""

    gate: str
    reason: str
    by: str
    until: str  # YYYY-MM-DD


class GateEntry(TypedDict):
    """A gate and its verdict; it has either `at_least` or `at_most`."""

    gate: str
    at_least: NotRequired[float]
    at_most: NotRequired[float]
    confidence: float
    verdict: str
    waiver: NotRequired[WaiverEntry]


class InFloatEntry(TypedDict):
    """What computes in float in a file whose activations are integers otherwise."""

    operators: dict[str, int]  # number by kind, in the runtime's naming
    macs_share: NotRequired[float]  # of the multiply-accumulates, 0 to 1; absent: not known


class TargetEntry(DeviceEntry):
    """One target: its model, the devices that run it, and what was measured.

    These keys are in both forms.
    """

    model: str  # path in the bundle
    runtime: str
    protection: str  # none, strip or encrypt
    task: str
    postprocessing: list[Step]
    labels: list[str]
    golden: str  # path in the bundle
    metrics: dict[str, MeasurementEntry]
    float_reference: NotRequired[FloatReferenceEntry]  # not in bundles of earlier versions
    gates: list[GateEntry]
    waivers: list[WaiverEntry]
    recipe_sha256: str
    scheme: str
    # With normalizations, `quantize.fallback` or `mixed`: operators in float, and their share of
    # the multiply-accumulates.
    in_float: NotRequired[InFloatEntry]
    tools: dict[str, str]  # version by distribution


class TargetEntry1(TargetEntry):
    """A target in edgebake.manifest/1, which classifies an image."""

    input: TensorEntry
    output: TensorEntry
    preprocessing: list[Step]


class TargetEntry2(TargetEntry):
    """A target in edgebake.manifest/2."""

    inputs: list[InputEntry]
    outputs: list[TensorEntry]
    score: str  # the metric that the task is judged by


class SourceEntry(TypedDict):
    """The commit that a bundle was built from."""

    git_commit: str
    dirty: bool  # whether the working tree differed from the commit


class SignatureEntry(TypedDict):
    """The key that signs a bundle."""

    algorithm: str
    key_id: str


class LicenseEntry(TypedDict):
    """The license of one component, and the verdict of the release's policy."""

    kind: str  # model, data, weights or code
    name: str
    version: NotRequired[str]
    author: NotRequired[str]
    license: str  # SPDX expression
    source: str
    decision: str  # allow or review


class EncryptionEntry(TypedDict):
    """How a file is encrypted, and its plain content."""

    scheme: str
    key_id: str
    plain_sha256: str
    plain_size: int


class FileEntry(TypedDict):
    """A file of the bundle, as it ships."""

    path: str
    sha256: str
    size: int  # bytes
    encryption: NotRequired[EncryptionEntry]


class ManifestHead(TypedDict):
    """The manifest before its signature, licenses and files are known."""

    schema: str
    name: str
    version: str
    author: str
    license: str
    description: str
    platform: str
    source: SourceEntry
    chain: list[str]  # target names in fallback order
    targets: dict[str, TargetEntry]


class ManifestBody(ManifestHead):
    """The manifest without the list of its files."""

    signature: str | SignatureEntry
    licenses: list[LicenseEntry]


class Manifest(ManifestBody):
    """The whole manifest."""

    files: list[FileEntry]

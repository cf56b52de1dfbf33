"""Options of validation: where and how latency is measured, and the gates of a release."""

from dataclasses import dataclass, field
from enum import Enum

from edgebake.recipe.device import Accelerator
from edgebake.recipe.missing import MISSING


class Inconclusive(Enum):
    """Result of a gate whose confidence interval contains the limit."""

    # The gate fails.
    blocks = "blocks"
    # The gate passes.
    passes = "passes"


class Evidence(Enum):
    """Measurements that a gate on speed or memory accepts."""

    # Measurements on the device only.
    device = "device"
    # Also measurements on the build machine.
    host = "host"
    # Also predictions from the facts of the device.
    predicted = "predicted"


@dataclass
class Gate:
    """Options that all gates share."""

    # Whether the quantity has to be measured; false: an unmeasured gate passes, a failed one never.
    required: bool = MISSING
    # Confidence level of the one-sided bound that is compared with the limit, 0 to 1.
    confidence: float = 0.95
    # Result if the measurements cannot decide: `blocks` or `passes`.
    inconclusive: Inconclusive = Inconclusive.blocks


@dataclass
class Floor(Gate):
    """Gate with a lower limit: the lower confidence bound has to reach it."""

    # Lower limit, in the unit of the gate.
    at_least: float = MISSING


@dataclass
class Ceiling(Gate):
    """Gate with an upper limit: the upper confidence bound must not exceed it."""

    # Upper limit, in the unit of the gate.
    at_most: float = MISSING


@dataclass
class SliceFloor(Floor):
    """Gate with a lower limit for every value of a column of the dataset."""

    # Column of the dataset whose values define the slices.
    column: str = MISSING


@dataclass
class ParityGate(Gate):
    """Gate on how often files of the same model differ between runtimes.

    Two files of a quantized model differ where each differs from its float parent as well, so the
    limit is relative to that. `at_least` sets an absolute limit in its place.
    """

    # Largest excess, 0 to 1: the share of examples on which the files of two runtimes differ, minus
    # the share on which one of them differs from its float parent. An example with two wrong
    # answers counts half. Decides unless `at_least` has a value.
    margin: float = 0.02
    # Least share, 0 to 1, of examples with the same predicted class; null: `margin` decides.
    at_least: float | None = None


@dataclass
class TimedFloor(Floor):
    """Gate with a lower limit on a quantity that depends on the machine."""

    # Measurements that count: `device`, `host` or `predicted`.
    evidence: Evidence = Evidence.device


@dataclass
class TimedCeiling(Ceiling):
    """Gate with an upper limit on a quantity that depends on the machine."""

    # Measurements that count: `device`, `host` or `predicted`.
    evidence: Evidence = Evidence.device


@dataclass
class PlacementFloor(Gate):
    """Gate on the share of the model that an accelerator can run; predicted, so without a bound."""

    # Accelerator: `cpu`, `gpu`, `npu` or `neural_engine`.
    accelerator: Accelerator = MISSING
    # Least share, 0 to 1, of the operators and of the multiply-accumulates.
    at_least: float = MISSING


@dataclass
class AlarmCeiling(Ceiling):
    """Gate with an upper limit on answers to a stream that holds none of the classes to hear."""

    # Labels of the test examples that make the stream, such as noise and words that are no command;
    # to hear one of these is no false alarm.
    labels: list[str] = MISSING


@dataclass
class Listening:
    """How often a model hears something in a stream that holds nothing to hear."""

    # Labels of the test examples that make the stream.
    labels: list[str] = MISSING
    # Lowest probability of a class that is heard, 0 to 1.
    threshold: float = MISSING
    # Number of clips whose probabilities are averaged.
    over: int = MISSING
    # Number of clips in a row until a class is heard.
    hold: int = MISSING


@dataclass
class MetricGate(Gate):
    """Gate on a metric of the task; exactly one of `at_least` and `at_most` is set."""

    # Lower limit, in the unit of the metric, of which a higher value is better.
    at_least: float | None = None
    # Upper limit, in the unit of the metric, of which a lower value is better; of every drop.
    at_most: float | None = None


@dataclass
class Budget:
    """Gates of a target; null: no gate."""

    # The task's score on the test split; of classification, top-1 accuracy, 0 to 1.
    accuracy: Floor | None = MISSING
    # Drop of the score against the float model on the same examples; of classification, 0 to 1.
    accuracy_drop: Ceiling | None = MISSING
    # Mean over the classes of F1 on the test split, 0 to 1: each class counts alike.
    macro_f1: Floor | None = None
    # Drop of macro F1 against the float model on the same examples, 0 to 1.
    macro_f1_drop: Ceiling | None = None
    # Share of right answers of every class, 0 to 1.
    class_accuracy: Floor | None = MISSING
    # Share of right answers of every slice of the dataset, 0 to 1.
    slice_accuracy: SliceFloor | None = MISSING
    # Expected calibration error of the predicted probabilities, 0 to 1.
    expected_calibration_error: Ceiling | None = MISSING
    # Answers per hour to a stream of test examples in which there is nothing to hear, with the
    # threshold and the smoothing of `package`.
    false_alarms_per_hour: AlarmCeiling | None = None
    # Agreement of predicted classes with the same model's file for every other runtime.
    parity: ParityGate | None = MISSING
    # Largest difference of a probability between two runtimes, 0 to 1.
    parity_difference: Ceiling | None = MISSING
    # Speed relative to the float model in the same runtime on the same machine; 2: twice as fast.
    speedup: Floor | None = MISSING
    # 90th percentile of the latency of one example on one thread, in milliseconds.
    latency_p90_ms: TimedCeiling | None = MISSING
    # Examples per second on one thread.
    frames_per_second: TimedFloor | None = MISSING
    # Increase of the peak memory by loading and running the model, in 10^6 bytes.
    peak_memory_mb: TimedCeiling | None = MISSING
    # Size of the model file, in 10^6 bytes.
    size_mb: Ceiling | None = MISSING
    # Predicted share of the model that an accelerator can run.
    accelerator_coverage: PlacementFloor | None = MISSING
    # Gates on metrics of the project's own task, by word; WORD_drop: against the float model.
    metrics: dict[str, MetricGate] | None = None

    def gates(self) -> dict[str, Gate]:
        """Return the gates that are not null by name, those of `metrics` by word."""
        named = dict(vars(self))
        by_word = named.pop("metrics") or {}
        gates = {}
        for name, gate in named.items():
            if gate is not None:
                gates[name] = gate
        gates.update(by_word)
        return gates


@dataclass
class Waiver:
    """Waiver of a gate: a named person accepts its failure until a date."""

    # Name of the gate: a field of the budget.
    gate: str = MISSING
    # Reason for accepting the failure.
    reason: str = MISSING
    # Person who accepts it.
    by: str = MISSING
    # Last day on which the waiver is valid, YYYY-MM-DD.
    until: str = MISSING


@dataclass
class Adb:
    """Options of an Android phone that is reached with adb.

    Exactly one of `benchmark_model` and `python` is set.
    """

    # Serial number; null: the only phone that is attached.
    serial: str | None = None
    # Local path of TensorFlow Lite's benchmark_model binary for the phone; .tflite files only.
    benchmark_model: str | None = None
    # Path of a Python interpreter on the phone that has the runtime installed.
    python: str | None = None


@dataclass
class Ssh:
    """Options of a Linux board with the runtime installed that is reached with ssh."""

    # Host name or address.
    host: str = MISSING
    # Port of the ssh server.
    port: int = 22
    # User name; null: from the configuration of ssh.
    user: str | None = None
    # Path of a private key file; null: from the configuration of ssh.
    identity: str | None = None
    # Python interpreter on the board.
    python: str = "python3"


@dataclass
class Mac:
    """Options of a Mac or iPhone that runs Core ML."""

    # Name of a paired iPhone; null: this Mac.
    device: str | None = None


@dataclass
class Recorded:
    """Options of a measurement that was recorded on another machine."""

    # File that edgebake/evaluation/latency/stopwatch.py wrote on the device.
    file: str = MISSING


@dataclass
class Protocol:
    """Options of the latency measurement: device, number of runs and precision."""

    # Connection to the device: a module of edgebake/evaluation/devices/ or plugins/devices/.
    where: str = MISSING
    # Number of runs before timing starts.
    warmup: int = MISSING
    # Least number of timed runs.
    runs: int = MISSING
    # Least duration of the timed runs, in seconds.
    seconds: float = MISSING
    # Largest half-width of the confidence interval of p90, as a share of p90; otherwise repeat.
    precision: float = MISSING
    # Largest number of measurements.
    repeats: int = MISSING
    # Number of examples in a batch of the throughput measurement.
    batch: int = MISSING
    # Duration of a measurement under sustained load, in minutes; null: not measured.
    sustained_minutes: float | None = MISSING
    # Longest duration of one process that measures, in minutes; null: enough for the options above
    # with a model that takes a second per image.
    deadline_minutes: float | None = None
    # Options of an Android phone; `where: adb` only.
    adb: Adb | None = None
    # Options of a Linux board; `where: ssh` only.
    ssh: Ssh | None = None
    # Options of Core ML on a Mac or iPhone; `where: mac` only.
    mac: Mac | None = None
    # Options of a recorded measurement; `where: recorded` only.
    recorded: Recorded | None = None


@dataclass
class Validate(Protocol):
    """Options of validation: latency measurement, gates and waivers; recipes/validate/."""

    # Gates of the target.
    budget: Budget = field(default_factory=Budget)
    # Waivers of gates.
    waivers: list[Waiver] = field(default_factory=list)

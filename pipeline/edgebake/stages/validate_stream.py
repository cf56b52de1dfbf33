"""Count the false alarms of a converted file in a stream of test examples. Writes alarms.json."""

from dataclasses import asdict

from edgebake.data.dataset import Examples
from edgebake.data.lazy import read_one
from edgebake.data.preprocessed import prepare
from edgebake.errors import DataError, listed
from edgebake.evaluation import streams
from edgebake.evaluation.quality import MeasurementContext
from edgebake.evaluation.statistics import poisson
from edgebake.evaluation.streams import FALSE_ALARMS, FILE, Alarms
from edgebake.measurement import Measurement
from edgebake.recipe import Listening
from edgebake.recipe.stage_params import ValidateParams
from edgebake.runtimes.finite_check import RuntimeFile
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session_process import SessionProcess
from edgebake.stages.job import Job
from edgebake.tasks.contract import Contract

UNIT = "1/h"
TAIL = 0.975  # confidence of each end of an interval of 95 %


def measure(
    job: Job[ValidateParams],
    examples: Examples,
    model_contract: Contract,
    converted: RuntimeFile,
    context: MeasurementContext,
) -> dict[str, Measurement]:
    """Return the rate of false alarms by the name of its metric; empty if no gate asks for it.

    The file runs in the first run mode of its runtime.

    Raises:
        DataError: a label of the stream has no test examples.
    """
    listening = job.params.listening
    if listening is None:
        return {}
    alarms = count_alarms(listening, examples, model_contract, converted)
    job.write_json(FILE, asdict(alarms))
    first_mode, *_ = load_runtime(converted.runtime).run_modes(converted.files)
    interval = [
        poisson.lower(alarms.count, alarms.hours, TAIL),
        poisson.upper(alarms.count, alarms.hours, TAIL),
    ]
    measurement = context.measured(alarms.per_hour, UNIT, first_mode.where, alarms.clips, interval)
    return {FALSE_ALARMS: measurement}


def count_alarms(
    listening: Listening, examples: Examples, model_contract: Contract, converted: RuntimeFile
) -> Alarms:
    """Return the false alarms in the stream of the test examples of some labels.

    Raises:
        DataError: a label has no test examples.
    """
    labels = [examples.classes[number] for number in examples.labels]
    for label in listening.labels:
        if label not in labels:
            raise DataError(
                f"validate.budget.{FALSE_ALARMS}.labels: {label!r} has no test examples; "
                f"expected labels of: {listed(sorted(set(labels)))}"
            )
    numbers = [number for number, label in enumerate(labels) if label in listening.labels]
    sounds = [read_one(examples.inputs, number) for number in numbers]
    stream = streams.build(model_contract.single_input, sounds, listening.labels)
    clips = prepare(stream.clips, model_contract)
    with SessionProcess() as process:
        outputs = process.predictions(converted.session_file(1, ""), clips)
    (probabilities,) = outputs.values()
    return streams.count_alarms(stream, probabilities, model_contract.labels, listening)

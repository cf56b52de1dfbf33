"""`edgebake sensitivity`: the accuracy that int8 costs a target's model, layer by layer.

Reads the output of prune, the calibration and the validation split. Writes
artifacts/sensitivity/<target>.csv, .svg and .log.
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from edgebake import artifacts
from edgebake.cli.verbs import Example, Verb, add_target_and_overrides
from edgebake.errors import EdgebakeError, HostError

if TYPE_CHECKING:
    from edgebake.compression.quantization.calibration_data import CalibrationData
    from edgebake.compression.quantization.sensitivity import LayerSensitivity
    from edgebake.recipe.stage_params import Plan, QuantizeParams

FOLDER = artifacts.ROOT / "sensitivity"
INT8 = "int8"  # the option of recipes/quantize/ for targets whose own scheme is not calibrated


def sensitivity(target: str, overrides: Sequence[str], console: Console) -> None:
    """Print a row for each layer, the most sensitive first, and write the table and a plot.

    For a target whose scheme leaves activations in float, the option int8 is measured.

    Raises:
        ArtifactError: the target's model is not built yet.
        HostError: a library failed; the log has its traceback.
    """
    from edgebake.execution import stage_log
    from edgebake.report import layer_costs, tables

    data = _calibration_data(target, overrides)
    log = FOLDER / f"{target}.log"
    try:
        with stage_log.quiet(log):
            rows = layer_costs.rows(_measure_layers(data))
    except EdgebakeError:
        raise
    except Exception as error:
        raise HostError(
            f"sensitivity {target}: {type(error).__name__}: {error}; the traceback is in {log}"
        ) from error
    table_file = FOLDER / f"{target}.csv"
    plot_file = FOLDER / f"{target}.svg"
    artifacts.write(table_file, layer_costs.as_csv(rows).encode())
    artifacts.write(plot_file, layer_costs.as_svg(target, rows).encode())
    for line in (
        tables.as_text(layer_costs.as_table(rows)),
        "each layer alone in int8, all others in float; on the validation split, in LiteRT",
        f"plot: {plot_file}; table: {table_file}",
    ):
        console.print(line, markup=False)


def _calibration_data(target: str, overrides: Sequence[str]) -> "CalibrationData":
    """Return a target's pruned model with its examples, as the stage quantize would read them."""
    from edgebake.compression.quantization.calibration_data import CalibrationData
    from edgebake.tasks import contract

    params = _quantize_params(target, overrides)
    folder = artifacts.verify(artifacts.folder("prune", params.prune))
    model_contract = contract.from_json((folder / "contract.json").read_text())
    return CalibrationData((folder / "model.keras").read_bytes(), model_contract, params)


def _measure_layers(data: "CalibrationData") -> "list[LayerSensitivity]":
    from edgebake.compression.quantization import sensitivity as measurement
    from edgebake.models import keras_session
    from edgebake.runtimes.litert.float_operators import normalization_outputs
    from edgebake.runtimes.litert.quantizer import IntegerOptions
    from edgebake.tasks.task import load_task

    keras_session.start(1)
    ranges = data.calibrate(data.archive)
    granularity = data.params.granularity
    if ranges is None or granularity is None:
        raise ValueError("costs without calibration")
    model = data.tflite_with_ranges(keras_session.load(data.archive), ranges)
    task = load_task(data.contract.task)
    examples = measurement.LabeledExamples(*data.split("validation"), task)
    in_float = normalization_outputs(model)
    options = IntegerOptions("int8", granularity, float_operators=in_float)
    return measurement.layer_sensitivities(model, options, examples)


def _quantize_params(target: str, overrides: Sequence[str]) -> "QuantizeParams":
    """Return the parameters that the stage quantize would have for a target.

    The target is merged with the release, so that variants have the names of the release.
    """
    from edgebake.plan import variants
    from edgebake.plan.compose import compose_release, compose_targets, option

    composed = compose_targets([target], overrides)[0]
    if composed.recipe.quantize.calibration is None:
        composed.recipe.quantize = option("quantize", INT8)
    release = compose_release()
    rest_of_release = compose_targets([name for name in release.targets if name != target])
    plan = variants.merge(release, [*rest_of_release, composed])
    return _params_of_variant(plan, variants.target_params(plan, target)["validate"])


def _params_of_variant(plan: "Plan", validate_variant: str) -> "QuantizeParams":
    from edgebake.recipe import stage_params

    convert_variant = plan["validate"][validate_variant]["convert"]
    quantize_variant = plan["convert"][convert_variant]["quantize"]
    config = plan["quantize"][quantize_variant]
    params: QuantizeParams = stage_params.parse("quantize", quantize_variant, config)
    return params


def _run(arguments: argparse.Namespace, console: Console) -> int:
    sensitivity(arguments.target, arguments.overrides, console)
    return 0


VERB = Verb(
    name="sensitivity",
    run=_run,
    summary="measure what int8 costs a model, layer by layer",
    description=(
        "Quantize one layer at a time to int8 and measure, in LiteRT on the validation split, the "
        "accuracy lost and the signal-to-noise ratio. Prints the most sensitive layer first, and "
        "writes a table and a plot to artifacts/sensitivity/. The target's model must be built."
    ),
    examples=(
        Example("edgebake sensitivity pixel_8", "find layers to keep in float"),
        Example(
            "edgebake sensitivity pixel_8 quantize=int8_per_tensor", "with one scale per tensor"
        ),
    ),
    add_options=add_target_and_overrides,
)

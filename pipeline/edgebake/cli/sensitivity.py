"""What it would cost to compute a target's model in int8, layer by layer.

Reads prune's output, the calibration and the validation split. Writes artifacts/sensitivity/<target>.csv and .svg.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from edgebake import artifacts
from edgebake.compression.quantization.calibration_data import CalibrationData
from edgebake.errors import EdgebakeError, HostError
from edgebake.execution import stage_log
from edgebake.models import keras_session
from edgebake.plan import planner
from edgebake.plan.compose import Composed, compose_release, compose_targets, option
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import QuantizeParams
from edgebake.report import layer_costs as report
from edgebake.report import tables
from edgebake.tasks import contract

if TYPE_CHECKING:
    from edgebake.compression.quantization.sensitivity import LayerSensitivity

FOLDER = artifacts.ROOT / "sensitivity"
INT8 = "int8"  # the option of recipes/quantize/ that is asked about where a target's own is not calibrated


def sensitivity(target: str, overrides: Sequence[str], console: Console) -> None:
    """Print a row for each layer, the dearest first, and leave table and plot behind.

    A target whose own scheme leaves activations in float is asked what the option int8 would cost.

    Raises:
        ArtifactError: its model is not built yet.
    """
    section = _section(target, overrides)
    folder = artifacts.opened(artifacts.folder("prune", section.prune))
    agreed = contract.from_json((folder / "contract.json").read_text())
    source = CalibrationData((folder / "model.keras").read_bytes(), agreed, section)
    log = FOLDER / f"{target}.log"
    try:
        with stage_log.quiet(log):
            rows = report.rows(_costs(source))
    except EdgebakeError:
        raise
    except Exception as error:
        raise HostError(
            f"sensitivity {target}: {type(error).__name__}: {error}; the whole story is in {log}"
        ) from error
    artifacts.write(FOLDER / f"{target}.csv", report.as_csv(rows).encode())
    artifacts.write(FOLDER / f"{target}.svg", report.as_svg(target, rows).encode())
    console.print(tables.as_text(report.as_table(rows)), markup=False)
    console.print(
        "each layer alone in int8, all others in float; on the validation split, in LiteRT",
        markup=False,
    )
    console.print(f"plot: {FOLDER / target}.svg; table: {FOLDER / target}.csv", markup=False)


def _costs(source: CalibrationData) -> "list[LayerSensitivity]":
    from edgebake.compression.quantization import (
        sensitivity as layers,  # LiteRT, which no other verb needs
    )
    from edgebake.runtimes.litert.calibrated_model import CalibratedModel, to_float_tflite
    from edgebake.runtimes.litert.quantizer import IntegerOptions

    keras_session.start(1)
    ranges = source.calibrated(source.archive)
    if ranges is None or source.section.granularity is None:
        raise ValueError("costs without calibration")
    program = CalibratedModel(to_float_tflite(keras_session.load(source.archive)), ranges)
    scored = layers.LabeledImages(*source.prepared("validation"))
    return layers.layer_sensitivities(
        program, IntegerOptions("int8", source.section.granularity), scored
    )


def _section(target: str, overrides: Sequence[str]) -> QuantizeParams:
    """Return what quantize would read for a target, under the names that the release gives its variants."""
    composed = compose_targets([target], overrides)[0]
    if composed.recipe.quantize.calibration is None:
        composed.recipe.quantize = option("quantize", INT8)
    release = compose_release()
    released = [one for one in compose_targets(release.targets) if one.target != target]
    return _leading_to(planner.merge(release, [*released, composed]), composed)


def _leading_to(planned: planner.Plan, composed: Composed) -> QuantizeParams:
    validate = planner.packaged(planned, composed.target)["validate"]
    convert = planned["validate"][validate]["convert"]
    quantize = planned["convert"][convert]["quantize"]
    section: QuantizeParams = stage_params.typed(
        "quantize", quantize, planned["quantize"][quantize]
    )
    return section

"""A Keras model and calibration examples in, the numbers it is to compute in out.

Reads prune's output and the calibration split. Writes model.keras, contract.json, scheme.json, calibration.npy.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import artifacts, contract, plugins
from pipeline.dataset import split
from pipeline.errors import DataError
from pipeline.job import Job
from pipeline.quantized import Quantized
from pipeline.sections import QuantizeSection


def run(job: Job) -> str:
    """Decide the numbers; the runtimes' own converters turn the weights into them."""
    section: QuantizeSection = job.section
    source = artifacts.opened(artifacts.folder("prune", section.prune))
    scheme = plugins.load("quantize.scheme", section.scheme)
    calibration = _calibration(section, source) if scheme.CALIBRATED else None
    quantized: Quantized = scheme.quantize((source / "model.keras").read_bytes(), calibration)
    quantized = replace(quantized, compression=section.compression)
    artifacts.write_files(job.out, quantized.to_files())
    shutil.copy(source / "contract.json", job.out)
    seen = "no calibration" if calibration is None else f"calibrated on {len(calibration)} examples"
    return f"{section.scheme}, {seen}"


def _calibration(section: QuantizeSection, source: Path) -> NDArray[np.float32]:
    """Return the examples as the model sees them, float32 [n, h, w, c], drawn from the calibration split by a seed."""
    agreed = contract.from_json((source / "contract.json").read_text())
    examples = plugins.load("data.source", section.data.source).load(section.data)
    held = split(examples, section.data, "calibration")
    if section.calibration.examples > len(held.labels):
        raise DataError(
            f"{section.data.path}: the calibration split holds {len(held.labels)} examples; "
            f"expected at least the {section.calibration.examples} of quantize.calibration.examples"
        )
    order = np.random.default_rng(section.calibration.seed).permutation(len(held.labels))
    return agreed.prepare(held.take(order[: section.calibration.examples]).images)

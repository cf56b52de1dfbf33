"""Refuse a source model whose predictions are not finite, and name its first such activation."""

import numpy as np

from edgebake.errors import ConversionError
from edgebake.models import importers
from edgebake.models.importers.interface import load_importer
from edgebake.runtimes import finite_check, session_process
from edgebake.runtimes.session import Examples
from edgebake.tasks.tensors import Feeds, Outputs


def refuse_not_finite(
    name: str, model: tuple[str, bytes], outputs: Outputs, examples: Examples
) -> None:
    """Refuse the outputs of a source model unless all are finite.

    Args:
        name: of the model, for messages.
        model: its format, keras, onnx or tflite, and its archive.
        outputs: of the model.
        examples: what it was fed.

    Raises:
        ConversionError: some are not; it names the first such activation.
    """
    rows = finite_check.not_finite_rows(outputs)
    if not rows:
        return
    model_format, archive = model
    library = importers.LIBRARIES[model_format]
    first = rows[0]
    example = dict(examples[first : first + 1])
    activation = session_process.run_on_file(
        name, library, trace_not_finite, model_format, archive, example
    )
    origin = f"; the first value that is not finite is {activation}" if activation else ""
    raise ConversionError(
        f"{name}: {library} answers NaN or infinity for {len(rows):,} of "
        f"{len(examples):,} examples{origin}; expected finite numbers: train it again, or "
        "replace what computes them"
    )


def trace_not_finite(model_format: str, archive: bytes, example: Feeds) -> str:
    """Return the first activation of a model that is not finite, or nothing; runs in a child.

    Args:
        model_format: keras, onnx or tflite.
        archive: of the model.
        example: what the model is fed.
    """
    try:
        activations = load_importer(model_format).activations(archive, list(example))
    except ConversionError:  # recurrent layers: their values are not read
        return ""
    values = activations.compute(example)
    for name, array in zip(activations.sources, values, strict=True):
        if not np.isfinite(array).all():
            return repr(name)
    return ""

"""Import a model's file in a child process with limits, which returns a clean archive."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.child_process.child import Subject, run
from edgebake.child_process.limits import Limits
from edgebake.errors import EdgebakeError, ModelError
from edgebake.models import importers, keras_session
from edgebake.models.importers.interface import load_importer
from edgebake.recipe import Imported
from edgebake.tasks.contract import Contract
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import keras

# An archive is written before Keras loads it. It is smaller than the memory that loading it takes.
FILE_SHARE = 0.25  # of the limit of memory
MAX_MESSAGE = 2000  # characters


@dataclass(frozen=True)
class Importing:
    """A model's file, what it has to match, and how its framework is started."""

    contract: Contract
    options: Imported
    threads: int  # of TensorFlow
    seed: int  # of a new classification head

    @property
    def format(self) -> str:
        """Return the format: keras, onnx or tflite."""
        return importers.format_of(self.options.file)


def load_archive(importing: Importing) -> bytes:
    """Return an archive of the model that an importer loads, in the format of the importer.

    Raises:
        ModelError: the importer refuses the file, or importing it takes more than the limits.
    """
    options = importing.options
    limits = Limits(
        memory_gib=options.memory_limit_gib,
        seconds=options.time_limit_s,
        file_mib=1024 * FILE_SHARE * options.memory_limit_gib,
        memory_key="model.imported.memory_limit_gib",
        seconds_key="model.imported.time_limit_s",
    )
    library = importers.LIBRARIES[importing.format]
    expected = f"expected a model that {library} can load within the limits of model.imported"
    subject = Subject(printable(options.file), library, ModelError, expected)
    archive: object = run(limits, subject, _load, importing)
    if not isinstance(archive, bytes):
        raise ModelError(f"{options.file}: {library} returned no model; {expected}")
    return archive


def _load(importing: Importing) -> bytes:
    """Return the archive of the imported model; runs in the child."""
    if importing.format == "keras":
        keras_session.start(importing.threads, importing.seed)
    importer = load_importer(importing.format)
    try:
        model: keras.Model | bytes = importer.load(importing.contract, importing.options)
    except EdgebakeError as error:
        # A message about a file is one line, whatever names the file holds.
        raise type(error)(printable(error, max_length=MAX_MESSAGE)) from None
    if isinstance(model, bytes):
        return model
    return keras_session.save(model)

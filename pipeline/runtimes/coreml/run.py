"""Say why an .mlpackage is not run here: Core ML is a part of macOS and iOS."""

from pipeline.errors import NotMeasurable
from pipeline.tensors import Session


def load(_: dict[str, bytes], __: int) -> Session:
    """Refuse.

    Raises:
        NotMeasurable: always; edgebake does not drive Core ML yet, on any machine.
    """
    raise NotMeasurable("Core ML runs on Apple's systems alone, and edgebake drives no such device yet")

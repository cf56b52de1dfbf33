"""A file of Keras, and the version of Keras that wrote it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A file that Keras wrote."""

    file: str  # its name in messages
    version: str  # of Keras, such as 2.15.0 or 2.2.4-tf

    def is_before(self, major: int, minor: int) -> bool:
        """Return whether an older Keras wrote the file; an unknown version counts as older."""
        numbers = re.match(r"(\d+)\.(\d+)", self.version)
        if numbers is None:
            return True
        written_by = (int(numbers[1]), int(numbers[2]))
        return written_by < (major, minor)

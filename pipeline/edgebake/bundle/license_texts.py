"""License texts: those in the project's LICENSES/ folder, then those that come with edgebake."""

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from edgebake.recipe.files import builtin

FOLDER = Path("LICENSES")  # of the project
WORD = re.compile(r"[a-z0-9]+")
COPYRIGHT = re.compile(r"copyright \(c\).{0,80}", re.IGNORECASE)  # with the name of the holder
RUN = 5  # consecutive words; texts of the same license share nearly all such runs
# Shares of the runs of the known text that have to be in a text, and the other way round. A text
# may lack an appendix, have a year filled in, or list many holders.
MIN_COVERED = 0.7
MIN_OWN = 0.5

Run = tuple[str, ...]


def by_identifier() -> dict[str, Path]:
    """Return the text file of each license by SPDX identifier; the project's own texts win."""
    texts = {}
    for folder in (builtin(FOLDER.name), FOLDER):
        for file in sorted(folder.glob("*.txt")):
            texts[file.stem] = file
    return texts


def find_text(identifier: str, folder: Path = FOLDER) -> Path:
    """Return the file of a license text, whether it exists or not.

    Args:
        identifier: of SPDX.
        folder: contains the texts; with the default, those that come with edgebake count too.
    """
    file = folder / f"{identifier}.txt"
    if folder != FOLDER:
        return file
    return by_identifier().get(identifier, file)


def text_problem(identifier: str, text: str) -> str | None:
    """Return why a text is not that of a license, if so.

    Args:
        identifier: of SPDX; texts that do not come with edgebake are only checked to be there.
        text: of LICENSES/<identifier>.txt.
    """
    if not text.strip():
        return "empty; expected the text of the license"
    known = _known_runs(identifier)
    if not known:
        return None
    runs = _runs(text)
    covered = len(known & runs) / len(known)
    own = len(known & runs) / max(1, len(runs))
    if covered < MIN_COVERED or own < MIN_OWN:
        return f"not the text of {identifier}; expected that of https://spdx.org/licenses"
    return None


@functools.cache
def _known_runs(identifier: str) -> frozenset[Run]:
    """Return the runs of words of a text that comes with edgebake; none if there is no such text.

    The texts of the project itself are not used: `verify` may run in any folder.
    """
    file = builtin(FOLDER.name) / f"{identifier}.txt"
    if not file.is_file():
        return frozenset()
    return _runs(file.read_text("utf-8"))


def _runs(text: str) -> frozenset[Run]:
    tokens: Sequence[str] = WORD.findall(COPYRIGHT.sub("", text).lower())
    starts = range(len(tokens) - RUN + 1)
    return frozenset(tuple(tokens[start : start + RUN]) for start in starts)

"""License texts: those in the project's LICENSES/ folder, then those that come with edgebake."""

from pathlib import Path

from edgebake.recipe.files import builtin

FOLDER = Path("LICENSES")  # of the project


def by_identifier() -> dict[str, Path]:
    """Return the text file of each license by SPDX identifier; the project's own texts win."""
    bundled = {file.stem: file for file in sorted(builtin(FOLDER.name).glob("*.txt"))}
    own = {file.stem: file for file in sorted(FOLDER.glob("*.txt"))}
    return bundled | own

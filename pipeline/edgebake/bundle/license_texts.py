"""Find the texts of licenses: the project's in LICENSES/, and behind them those that edgebake brings."""

from pathlib import Path

from edgebake.recipe.files import brought

FOLDER = Path("LICENSES")  # of the project


def by_identifier() -> dict[str, Path]:
    """Return the file of each license's text by its SPDX identifier, the project's before ours."""
    ours = {file.stem: file for file in sorted(brought(FOLDER.name).glob("*.txt"))}
    return ours | {file.stem: file for file in sorted(FOLDER.glob("*.txt"))}

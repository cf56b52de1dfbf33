"""License texts: those in the project's LICENSES/ folder, then those that come with edgebake."""

from pathlib import Path

from edgebake.recipe.files import builtin

FOLDER = Path("LICENSES")  # of the project


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

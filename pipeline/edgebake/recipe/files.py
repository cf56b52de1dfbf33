"""Find the files of recipes: the project's in recipes/, and behind them those that edgebake brings.

A file of the project replaces ours of the same name. Targets are the project's alone, unless it has no recipes/target/.
What edgebake brings lies in an installed package, and at the top of the repository in a checkout of it.
"""

from pathlib import Path

RECIPES = Path("recipes")  # of the project
PACKAGE = Path(__file__).parents[1]
TARGET = "target"


def brought(name: str) -> Path:
    """Return what comes with edgebake: `recipes`, `LICENSES` or `dvc.yaml`."""
    installed = PACKAGE / "brought" / name
    return installed if installed.exists() else PACKAGE.parents[1] / name


def folders() -> list[Path]:
    """Return the folders of recipes, the project's first; one alone where the project is edgebake itself."""
    ours = brought("recipes")
    if not ours.is_dir() or (RECIPES.is_dir() and RECIPES.samefile(ours)):
        return [RECIPES]
    return [RECIPES, ours]


def find(config: str) -> Path:
    """Return the file of `<group>/<option>`, in the project's folder if it is nowhere."""
    files = [folder / f"{config}.yaml" for folder in folders()]
    return next((file for file in files if file.is_file()), files[0])


def options(group: str) -> list[str]:
    """Return the options of a group, the project's and ours, sorted."""
    of_project = RECIPES / group
    places = (
        [of_project]
        if group == TARGET and of_project.is_dir()
        else [one / group for one in folders()]
    )
    return sorted({file.stem for place in places for file in place.glob("*.yaml")})


def groups() -> dict[str, list[str]]:
    """Return the options of every group."""
    names = {path.name for folder in folders() for path in folder.iterdir() if path.is_dir()}
    return {name: options(name) for name in sorted(names)}


def is_group(name: str) -> bool:
    """Return whether a folder of recipes has this name."""
    return any((folder / name).is_dir() for folder in folders())


def targets() -> list[str]:
    """Return the targets that there are, sorted."""
    return options(TARGET)


def shown(file: Path) -> str:
    """Return what messages call a file: its path in the project, or `edgebake: quantize/int8.yaml` for one of ours."""
    resolved = file.resolve()
    for folder in folders():
        if resolved.is_relative_to(folder.resolve()):
            path = resolved.relative_to(folder.resolve())
            return str(RECIPES / path) if folder == RECIPES else f"edgebake: {path}"
    return str(file)


def shown_option(group: str, option: str) -> str:
    """Return what messages call the file of an option."""
    return shown(find(f"{group}/{option}"))

"""The file of recipes/ that lists the targets of the release.

It is recipes/release.yaml, unless `--release NAME` chose another one. params.yaml then names it,
`plan.release: release_tasks`, and every later command keeps to it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from edgebake.errors import RecipeError, listed, nearest
from edgebake.recipe.files import RECIPES
from edgebake.recipe.stage_params import read_plan
from edgebake.terminal.printable import printable

DEFAULT = "release"
KEY = "release"  # of the section `plan` in params.yaml


_selected: ContextVar[str | None] = ContextVar("_selected", default=None)


@contextmanager
def selected(name: str | None) -> Iterator[None]:
    """Plan from the file of this name within the block; None: from the one of params.yaml."""
    token = _selected.set(name)
    try:
        yield
    finally:
        _selected.reset(token)


def name() -> str:
    """Return the name of the release's file, without its suffix."""
    return _selected.get() or planned_name()


def planned_name() -> str:
    """Return the name of the file that params.yaml was planned from, without its suffix.

    A damaged params.yaml names none: the plan is written anew from recipes/release.yaml.
    """
    try:
        record = read_plan().get("plan", {})
    except RecipeError:
        return DEFAULT
    planned: str = record.get(KEY, DEFAULT)
    return planned


def path() -> Path:
    """Return the file of the release.

    Raises:
        RecipeError: recipes/ has no such file.
    """
    release = name()
    file = RECIPES / f"{release}.yaml"
    known = sorted(candidate.stem for candidate in RECIPES.glob("release*.yaml"))
    if release not in known and release != DEFAULT:
        expected = f"expected one of: {listed(known)}{nearest(release, known)}"
        raise RecipeError(f"{RECIPES}/{printable(release)}.yaml: no such release; {expected}")
    return file

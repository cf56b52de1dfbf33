"""Start Hydra on the project's recipes, and translate its errors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from edgebake.errors import RecipeError
from edgebake.recipe.config_errors import translate
from edgebake.recipe.files import RECIPES, shown


@contextmanager
def session() -> Iterator[None]:
    """Let Hydra find recipes; `compose` works within this block only."""
    with initialize_config_dir(str(RECIPES.resolve()), version_base="1.3"):
        yield


@contextmanager
def translated_errors(file: Path, overrides: Sequence[str]) -> Iterator[None]:
    """Translate errors of Hydra and OmegaConf; `file` is named if the error names none."""
    try:
        yield
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise translate(error, overrides, shown(file)) from None
    except AttributeError as error:
        # OmegaConf 2.3 cannot merge a mapping from the command line into a group that is null.
        key = str(error).partition("full_key: ")[2].partition("\n")[0]
        expected = "expected a mapping in a file of recipes/, for example a target"
        raise RecipeError(f"command line: {key}: null; {expected}") from None

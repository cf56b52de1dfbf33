"""Compose recipes with Hydra, and translate its errors and those of OmegaConf."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.default_element import ResultDefault
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from edgebake.errors import RecipeError
from edgebake.plan import hydra_source
from edgebake.plan import origins as origin_files
from edgebake.plan.composition import Composed
from edgebake.plan.defaults_list import MergedFile
from edgebake.recipe import Recipe
from edgebake.recipe.config_errors import translate
from edgebake.recipe.files import RECIPES, find, shown

NO_VALUE = "no value; expected one, it has no default"

hydra_source.register()
_store = ConfigStore.instance()
_store.store(name="schema", node=Recipe)


def compose_target(name: str, overrides: Sequence[str]) -> Composed:
    """Compose the recipe of a target.

    Returns:
        The recipe and the options by group.

    Raises:
        RecipeError: names the file, the key, what is wrong and what was expected.
    """
    with _session(), translated_errors(find(f"target/{name}"), overrides):
        arguments = [f"target={name}", *overrides]
        config = compose("recipe", overrides=arguments, return_hydra_config=True)
    choices = _choices(config)
    with flag_override(config, ["struct", "readonly"], [False, False]):
        del config["hydra"]
    try:
        for key in sorted(OmegaConf.missing_keys(config)):
            origin = origin_files.file_of(key, name, choices, files={})
            raise RecipeError(f"{origin}: {key}: {NO_VALUE}")
        recipe: Recipe = OmegaConf.to_object(config)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        key = str(error.full_key)
        origin = origin_files.file_of(key, name, choices, origin_files.of_values(name, overrides))
        raise translate(error, overrides, origin) from None
    return recipe, choices


def merged_files(name: str, overrides: Sequence[str]) -> list[MergedFile]:
    """Return the files that Hydra merges into a target, in order; later ones replace values.

    Raises:
        RecipeError: Hydra refuses the files or the overrides.
    """
    arguments = [f"target={name}", *overrides]
    with _session(), translated_errors(find(f"target/{name}"), overrides):
        loader = GlobalHydra.instance().config_loader()
        entries = loader.compute_defaults_list("recipe", arguments, RunMode.RUN).defaults
    return list(_recipe_files(entries))


def read_values(values: Mapping[str, Any], dataclass: Any, file: Path) -> Any:
    """Return the values of one file as a dataclass.

    Raises:
        RecipeError: a value refers to one that is not there, is missing or does not fit.
    """
    with translated_errors(file, ()):
        merged = OmegaConf.merge(OmegaConf.structured(dataclass), values)
        for key in sorted(OmegaConf.missing_keys(merged)):
            raise RecipeError(f"{file}: {key}: {NO_VALUE}")
        return OmegaConf.to_object(merged)


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


@contextmanager
def _session() -> Iterator[None]:
    """Let Hydra find recipes; `compose` works within this block only."""
    with initialize_config_dir(str(RECIPES.resolve()), version_base="1.3"):
        yield


def _choices(config: DictConfig) -> dict[str, str]:
    """Return the option that was chosen in each group of recipes/."""
    choices: dict[str, str] = {}
    for group, choice in config.hydra.runtime.choices.items():
        if "/" not in group:
            choices[group] = choice
    return choices


def _recipe_files(entries: Sequence[ResultDefault]) -> Iterator[MergedFile]:
    for entry in entries:
        config = str(entry.config_path)
        if config != "schema" and not config.startswith("hydra/"):
            yield MergedFile(config, entry.package or "")

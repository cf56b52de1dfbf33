"""Merging the files of a target gives what Hydra gives, or leaves the target to Hydra."""

import random
from pathlib import Path

import pytest

from edgebake.errors import RecipeError
from edgebake.plan import compose, composition, defaults_list, hydra_compose
from edgebake.recipe.files import targets
from tests.recipes.mutators import MUTATORS

MUTANTS = 40
SEED = 3


def _composed_alike(name: str, *overrides: str) -> bool:
    """Return whether a target was merged here; check that Hydra composes the same."""
    merged = composition.compose(name, overrides)
    if merged is None:
        return False
    recipe, choices = hydra_compose.compose_target(name, overrides)
    assert repr(merged[0]) == repr(recipe)
    assert merged[1] == choices
    return True


def test_every_target_is_merged_as_hydra_does(project: Path) -> None:
    for name in targets():
        assert _composed_alike(name)


@pytest.mark.parametrize(
    "overrides",
    [
        ["quantize=dynamic"],
        ["prune=channels", "train@prune.fine_tune=distill"],
        ["quantize=auto", "quantize.candidates=null"],
        ["candidates=null", "train=fine_tune"],
        ["prune=channels", "prune.fine_tune=null"],
    ],
)
def test_options_and_null_are_merged_as_hydra_does(project: Path, overrides: list[str]) -> None:
    assert _composed_alike("linux_any", *overrides)


def test_files_that_list_others_are_merged_in_their_order(project: Path) -> None:
    base = project / "recipes/train/base.yaml"
    base.write_text((project / "recipes/train/scratch.yaml").read_text())
    head = "defaults:\n  - base\n"
    own_values = "epochs: 77\nbatch_size: 8\n"
    files = {"before": f"{head}  - _self_\n", "after": "defaults:\n  - _self_\n  - base\n"}
    files["unsaid"] = head
    epochs = {}
    for name, defaults in files.items():
        (project / f"recipes/train/{name}.yaml").write_text(defaults + own_values)
        assert _composed_alike("linux_any", f"train={name}")
        merged = composition.compose("linux_any", [f"train={name}"])
        assert merged is not None
        epochs[name] = merged[0].train.epochs
    assert epochs == {"before": 77, "after": 30, "unsaid": 77}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("train/scratch.yaml", "epochs: 30", "epochs: ${train.batch_size}"),
        ("train/scratch.yaml", "epochs: 30", "epochs: ???"),
        ("train/scratch.yaml", "epochs: 30\n", ""),
        ("target/linux_any.yaml", "defaults:", "defaults:\n  - pixel_8"),
    ],
)
def test_what_only_hydra_does_is_left_to_it(project: Path, file: str, old: str, new: str) -> None:
    path = project / "recipes" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert composition.compose("linux_any", []) is None


@pytest.mark.parametrize("override", ["train.epochs=3", "+train.epochs=3", "nothing.epochs=null"])
def test_other_overrides_are_left_to_hydra(project: Path, override: str) -> None:
    assert composition.compose("linux_any", [override]) is None


def test_mutants_of_recipes_are_merged_as_hydra_does(project: Path) -> None:
    """A mutant whose files pass the checks of each is merged alike, or left to Hydra."""
    chance = random.Random(SEED)  # noqa: S311 - the same mutants every time
    merge = defaults_list.merge_of_target("galaxy_a14", [])
    files = [Path("recipes") / f"{merged.config}.yaml" for merged in merge.files]
    alike = 0
    for number in range(MUTANTS):
        file = files[number % len(files)]
        data = file.read_bytes()
        config = file.relative_to("recipes").with_suffix("").as_posix()
        file.write_bytes(chance.choice(MUTATORS)(data, chance, config))
        try:
            for merged in defaults_list.files_of_target("galaxy_a14", []):
                compose.check_file(merged)
            alike += _composed_alike("galaxy_a14")
        except RecipeError:
            pass  # refused by the checks of files, before the target is merged
        finally:
            file.write_bytes(data)
    assert alike >= MUTANTS // 10

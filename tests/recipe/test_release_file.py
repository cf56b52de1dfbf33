"""Choose which file of recipes/ lists the targets of the release."""

from pathlib import Path

import pytest

from edgebake.errors import RecipeError
from edgebake.plan import planner
from edgebake.plan.compose import compose_release
from edgebake.recipe import release_file

PARAMS = Path("params.yaml")
SMALL = Path("recipes/release_small.yaml")


@pytest.fixture
def small(project: Path) -> None:
    """A project with a second release, of the targets for Linux alone."""
    text = Path("recipes/release.yaml").read_text()
    head, _, _ = text.partition("targets:")
    SMALL.write_text(f"{head}targets: [linux_any]\n")


def test_a_named_release_is_planned_and_kept_to(small: None) -> None:
    planner.update()
    assert release_file.path() == Path("recipes/release.yaml")
    assert "release:" not in PARAMS.read_text()
    with release_file.selected("release_small"):
        planner.update()
    assert "\n  release: release_small\n" in PARAMS.read_text()
    assert compose_release().targets == ["linux_any"]
    assert planner.update() == []
    planner.check()
    assert planner.update(in_repro=True) == []
    assert release_file.path() == SMALL
    with release_file.selected(release_file.DEFAULT):
        planner.update()
    assert release_file.path() == Path("recipes/release.yaml")


def test_a_release_of_the_same_plan_is_recorded(small: None) -> None:
    planner.update()
    SMALL.write_text(Path("recipes/release.yaml").read_text())
    with release_file.selected("release_small"):
        assert planner.update() == []
    assert release_file.path() == SMALL


def test_an_unknown_release_is_refused_with_the_nearest(small: None) -> None:
    with (
        release_file.selected("release_smal"),
        pytest.raises(
            RecipeError,
            match=r"^recipes/release_smal.yaml: no such release; "
            r"expected one of: release, release_small, release_tasks; "
            r"did you mean 'release_small'\?$",
        ),
    ):
        planner.update()


def test_messages_name_the_file_of_the_release(small: None) -> None:
    SMALL.write_text(SMALL.read_text().replace("[linux_any]", "[linux_eny]"))
    with (
        release_file.selected("release_small"),
        pytest.raises(RecipeError, match=r"^recipes/release_small.yaml: targets"),
    ):
        planner.update()


def test_a_name_that_is_no_text_is_refused(small: None) -> None:
    planner.update()
    text = PARAMS.read_text().replace("plan:\n", "plan:\n  release: [1]\n", 1)
    PARAMS.write_text(text)
    with pytest.raises(
        RecipeError,
        match=r"^params.yaml: plan.release: .*; expected the name of a file of recipes/",
    ):
        planner.check()

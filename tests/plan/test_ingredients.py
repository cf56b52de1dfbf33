"""What a model is made from: its data, its weights, and programs that made the data."""

import pytest

from edgebake.bundle.components import Component
from edgebake.bundle.license_policy import apply_policy
from edgebake.errors import LicenseError
from edgebake.plan.ingredients import imported_components
from edgebake.recipe import Attribution, Licenses, Recipe

ORIGIN = Attribution("Commands", "Ann", "Apache-2.0", "https://example.com")


def _spoken() -> Recipe:
    recipe = Recipe()
    recipe.data.source = "espeak"
    recipe.data.origin = ORIGIN
    recipe.model.pretrained = None
    return recipe


def test_a_source_names_the_program_that_it_runs() -> None:
    components = list(imported_components(_spoken()))
    assert [(component.kind, component.license) for component in components] == [
        ("data", "Apache-2.0"),
        ("code", "GPL-3.0-or-later"),
    ]


def test_a_source_without_a_program_has_its_data_alone() -> None:
    recipe = _spoken()
    recipe.data.source = "digits"
    assert [component.kind for component in imported_components(recipe)] == ["data"]


def _components() -> list[Component]:
    components = []
    for imported in imported_components(_spoken()):
        components.append(
            Component(imported.kind, imported.name, imported.license, imported.source)
        )
    return components


def test_a_policy_that_denies_the_program_stops_the_bundle() -> None:
    policy = Licenses(["Apache-2.0"], [], ["GPL-3.0-or-later"])
    with pytest.raises(LicenseError) as refused:
        apply_policy(_components(), policy)
    problem = "code 'espeak-ng, which spoke the training data' is under GPL-3.0-or-later"
    assert f"{problem}: GPL-3.0-or-later is denied; expected licenses in" in str(refused.value)


def test_a_policy_may_let_the_program_through_for_review() -> None:
    policy = Licenses(["Apache-2.0"], ["GPL-3.0-or-later"], [])
    verdicts = [decision.verdict.value for _, decision in apply_policy(_components(), policy)]
    assert verdicts == ["allow", "review"]

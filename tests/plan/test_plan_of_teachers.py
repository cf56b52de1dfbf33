"""A teacher is another variant of train, and part of the recipe of its student."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from edgebake.errors import RecipeError
from edgebake.plan import planner, variants
from edgebake.plan.compose import Target
from edgebake.recipe import Distill, Release
from tests import builds


def test_a_teacher_is_a_variant_of_train_and_an_unknown_one_is_named(project: Path) -> None:
    target = (project / "recipes/target/galaxy_a14.yaml").read_text()
    other = target.replace("  - override /prune: channels", "  - override /model: mobilenet_v2")
    other += "\ndevice: { soc: [another chip] }\n"
    (project / "recipes/target/large.yaml").write_text(other)
    builds.edit(project / "recipes/release.yaml", "  - galaxy_a14", "  - galaxy_a14\n  - large")
    distilled = "  - override /prune: channels\n  - override /train@prune.fine_tune: distill"
    words = "\nprune: { fine_tune: { distill: { teacher: digits-mobilenet_v2 } } }\n"
    file = project / "recipes/target/galaxy_a14.yaml"
    file.write_text(target.replace("  - override /prune: channels", distilled) + words)
    made = planner.make()
    assert made["prune"]["digits-ds_cnn-channels"]["teacher"] == "digits-mobilenet_v2"
    assert made["prune"]["digits-ds_cnn"]["teacher"] == "digits-ds_cnn"
    builds.edit(file, "digits-mobilenet_v2", "digits-mobilenet_v3")
    with pytest.raises(RecipeError) as caught:
        planner.make()
    assert str(caught.value) == (
        "recipes/target/galaxy_a14.yaml: prune.fine_tune.distill.teacher: "
        "digits-mobilenet_v3; expected null, or a "
        "variant of train: digits-ds_cnn, digits-mobilenet_v2; did you mean 'digits-mobilenet_v2'?"
    )


def test_another_training_of_the_teacher_is_another_recipe_of_its_pupil(
    release: Release, composed: dict[str, Target]
) -> None:
    pupil, teacher = (
        deepcopy(composed["galaxy_a14"]),
        replace(deepcopy(composed["galaxy_a14"]), name="large"),
    )
    teacher.recipe.model.architecture = "mobilenet_v2"
    teacher.choices["model"] = "mobilenet_v2"
    fine_tune = pupil.recipe.prune.fine_tune
    assert fine_tune is not None
    fine_tune.distill = Distill(4.0, 0.3, "digits-mobilenet_v2")
    digests = []
    for epochs in (30, 40):
        teacher.recipe.train.epochs = epochs
        digests.append(
            variants.target_params(variants.merge(release, [pupil, teacher]), "galaxy_a14")[
                "recipe_sha256"
            ]
        )
    assert digests[0] != digests[1]

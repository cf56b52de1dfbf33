"""A built release whose recipes are edited: what runs, what is restored, what is refused."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests import builds
from tests.builds import manifest

pytestmark = pytest.mark.slow


def test_an_edited_value_runs_only_what_it_touches_and_set_back_it_is_restored(quick: Path) -> None:
    """Guards that an edit re-runs only the stages it affects, and that the cache restores the rest.

    Slow: two runs of DVC, the first of which builds ten stages.
    """
    builds.edit(quick / "recipes/quantize/int8.yaml", "samples: 100", "samples: 3")
    done = builds.repro(quick)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(builds.ran(done.stdout)) == sorted(
        [
            "quantize@digits-ds_cnn-int8",
            "convert@digits-ds_cnn-int8-litert",
            "convert@digits-ds_cnn-int8-onnxruntime",
            "validate@digits-ds_cnn-int8-litert-android",
            "validate@digits-ds_cnn-int8-onnxruntime-linux",
            "parity",
            "package@android",
            "package@linux",
            "proof@android",
            "proof@linux",
        ]
    )
    assert manifest(quick, "android")["source"]["dirty"] is True
    assert manifest(quick, "ios")["source"]["dirty"] is False
    builds.run(quick, "git", "checkout", "--", "recipes")
    done = builds.repro(quick)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [
        stage for stage in builds.ran(done.stdout) if stage.startswith(("train", "convert"))
    ]
    assert builds.edgebake(quick, "plan", "--check").returncode == 0
    assert manifest(quick, "android")["source"]["dirty"] is False


def test_an_edited_shape_is_planned_and_asks_for_a_second_run(quick: Path) -> None:
    """Guards that a new shape is never built with the old graph, and that it can be undone.

    Slow: four runs of DVC, one of which converts and measures.
    """
    builds.edit(quick / "recipes/target/android_any.yaml", "quantize: float16", "quantize: dynamic")
    first = builds.repro(quick)
    assert first.returncode != 0
    assert (
        "the variants of the release changed; the file was written again: run `dvc repro` again"
        in first.stderr + first.stdout
    )
    second = builds.repro(quick)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "convert@digits-ds_cnn-dynamic-litert" in builds.ran(second.stdout)
    assert not (quick / "artifacts/convert/digits-ds_cnn-float16-litert").exists()
    builds.run(quick, "git", "checkout", "--", "recipes", "params.yaml")
    assert builds.edgebake(quick, "build").returncode == 0


def test_a_target_that_differs_in_its_budget_measures_nothing_again(quick: Path) -> None:
    """Guards that a target which differs in its gates alone costs its package alone.

    Slow: a run of DVC that packages for Android.
    """
    target = (quick / "recipes/target/pixel_8.yaml").read_text()
    (quick / "recipes/target/strict.yaml").write_text(
        f"{target}\ndevice: {{ soc: [Tensor G4] }}\n"
        "validate:\n  budget:\n    size_mb: { at_most: 1 }\n"
    )
    builds.edit(quick / "recipes/release.yaml", "  - pixel_8", "  - pixel_8\n  - strict")
    before = (quick / "dvc.lock").read_text()
    assert builds.edgebake(quick, "build").returncode == 0
    after = yaml.safe_load((quick / "dvc.lock").read_text())["stages"]
    changed = {
        name for name, stage in yaml.safe_load(before)["stages"].items() if after[name] != stage
    }
    assert {name for name in changed if name not in ("plan", "revision")} == {
        "package@android",
        "proof@android",
    }
    assert set(manifest(quick, "android")["targets"]) == {"pixel_8", "strict", "android_any"}


def test_a_missed_gate_refuses_its_platform_and_no_other(quick: Path) -> None:
    """Guards that a failed gate blocks the bundle of its platform alone, until it passes.

    Slow: two runs of DVC that package.
    """
    builds.edit(
        quick / "recipes/target/raspberry_pi_5.yaml",
        "defaults:",
        "validate: {budget: {accuracy: {at_least: 0.99}}}\ndefaults:",
    )
    done = builds.repro(quick, "--keep-going")
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert "edgebake: linux: no bundle, 1 of 14 gates not passed" in output
    assert "raspberry_pi_5   accuracy   at least 0.99" in output
    assert not (quick / "artifacts/package/linux").exists()
    assert not (quick / "artifacts/package/linux.zip").exists()
    assert not (quick / "artifacts/package/linux.proof").exists()
    assert (quick / "artifacts/package/android.zip").exists()
    builds.run(quick, "git", "checkout", "--", "recipes", "params.yaml")
    assert builds.repro(quick).returncode == 0


def test_a_ladder_is_climbed_to_the_first_rung_that_passes_and_clones_take_the_same(
    quick: Path,
) -> None:
    """Guards `quantize: auto`: the first candidate that passes is used, the others give reasons.

    Slow: two runs of DVC, the second of which converts and measures another scheme.
    """
    float16 = (
        (quick / "artifacts/convert/digits-ds_cnn-float16-litert/files/model.tflite").stat().st_size
    )
    (quick / "recipes/target/climber.yaml").write_text(
        "# @package _global_\ndefaults:\n"
        "  - override /device: pixel_8\n"
        "  - override /quantize: auto\n"
        "  - override /convert: litert\n"
        "device: { soc: [Tensor G4] }\n"
        "quantize: { candidates: [float16, palettized, int4_weights, int8] }\n"
        f"validate: {{ budget: {{ size_mb: {{ at_most: {(float16 - 1) / 1e6} }} }} }}\n"
    )
    builds.edit(quick / "recipes/release.yaml", "  - pixel_8", "  - pixel_8\n  - climber")
    done = builds.edgebake(quick, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("climber: next candidate") == 1
    assert "float16       size_mb at most" in done.stdout
    assert "palettized    not tried: quantize: litert cannot carry palettized" in done.stdout
    assert "int4_weights  taken" in done.stdout
    assert manifest(quick, "android")["targets"]["climber"]["model"].endswith(
        "int4_weights-litert.tflite"
    )
    shutil.rmtree(quick / "artifacts/verdicts")
    assert builds.edgebake(quick, "plan", "--check").returncode == 0


def test_what_int8_costs_is_shown_layer_by_layer_with_a_plot(quick: Path) -> None:
    """Guards `edgebake sensitivity`, on a model that was built.

    Slow: it converts and runs the model once for each layer.
    """
    done = builds.edgebake(quick, "sensitivity", "iphone_15")  # which computes in float16
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert {row[0] for row in rows if "CONV_2D" in row} == {
        "conv2d",
        *(f"conv2d_{number}" for number in range(1, 5)),
    }
    for suffix in ("csv", "svg"):
        assert (quick / f"artifacts/sensitivity/iphone_15.{suffix}").stat().st_size > 500
    missing = builds.edgebake(quick, "sensitivity", "iphone_15", "model.width_multiplier=0.5")
    assert missing.returncode == 1
    assert "the stage prune writes it: run `dvc repro`" in missing.stderr

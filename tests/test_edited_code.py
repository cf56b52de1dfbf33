"""A built release whose code is edited, or whose cache is damaged; and DVC's own commands on it."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from tests import builds

pytestmark = pytest.mark.slow


def test_new_calibration_data_never_meet_a_stale_model(quick: Path) -> None:
    """Guards that edited code of the data makes calibration, training and validation stale.

    Slow: it starts from a built release.
    """
    with (quick / "pipeline/edgebake/data/sources/digits.py").open("a") as code:
        code.write('INK = ("faint", "medium", "heavy")\n')
    planned = builds.edgebake(quick, "plan").stdout
    output = builds.run(quick, sys.executable, "-m", "dvc", "status").stdout
    for stage in (
        "train@digits-ds_cnn",
        "quantize@digits-ds_cnn-int8",
        "validate@digits-ds_cnn-int8-litert-android",
    ):
        assert f"{stage}:" in output
        assert f"  {stage.replace('@', '.')}: code of edgebake/data/sources/digits.py\n" in planned


def test_an_edited_comment_runs_nothing_and_edited_code_runs_what_reaches_it(quick: Path) -> None:
    """Guards that code digests ignore comments and include the code of one runtime.

    Slow: two runs of DVC, the second of which converts for Core ML.
    """
    with (quick / "pipeline/edgebake/stages/convert.py").open("a") as code:
        code.write("\n\n# a comment\n")
    done = builds.repro(quick)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [
        stage for stage in builds.ran(done.stdout) if not stage.startswith(("package", "proof"))
    ] == []
    with (quick / "pipeline/edgebake/runtimes/coreml/convert.py").open("a") as code:
        code.write("CHANGED = True\n")
    done = builds.repro(quick)
    assert done.returncode == 0, done.stdout + done.stderr
    converted = {stage for stage in builds.ran(done.stdout) if stage.startswith("convert")}
    assert converted == {
        "convert@digits-ds_cnn-float16-coreml",
        "convert@digits-ds_cnn-palettized-coreml",
    }
    assert "code of edgebake/runtimes/coreml/convert.py" in done.stdout


def test_a_corrupt_cache_entry_is_named_and_mended_as_the_message_says(quick: Path) -> None:
    """Guards that the error for a damaged cache names it, and that its advice works.

    Slow: it throws the cache away and builds the model and one file again.
    """
    quantized = quick / "artifacts/quantize/digits-ds_cnn-int8"
    digest = hashlib.md5(
        (quantized / "scheme.json").read_bytes(), usedforsecurity=False
    ).hexdigest()
    entry = quick / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    entry.chmod(0o644)
    entry.write_text("{}")
    entry.chmod(0o444)  # DVC takes a read-only entry at its word
    shutil.rmtree(quantized)
    with (quick / "recipes/target/pixel_8.yaml").open("a") as target:
        target.write("convert: { input: uint8 }\n")
    converted = "convert@digits-ds_cnn-int8-litert"
    done = builds.repro(quick, converted)
    assert done.returncode != 0
    assert (
        "edgebake: artifacts/quantize/digits-ds_cnn-int8/scheme.json: not what quantize wrote"
        in done.stderr
    )
    shutil.rmtree(quick / ".dvc/cache")
    shutil.rmtree(quantized)
    assert builds.repro(quick, converted).returncode == 0
    assert json.loads((quantized / "scheme.json").read_text())["scheme"] == "int8"


def test_dvc_shows_parameters_metrics_plots_and_experiments(quick: Path) -> None:
    """Guards what README.md says of DVC's own commands: experiments, `params`, `metrics`, `plots`.

    Slow: two experiments, each of which trains a model; the second also converts and measures it.
    """
    dvc = (sys.executable, "-m", "dvc")
    builds.commit(quick, "Built")
    value = "train.digits-ds_cnn.epochs=2"
    # In a folder of its own, where nothing has run yet.
    experiment = builds.run(quick, *dvc, "exp", "run", "--temp", "--set-param", value, "train")
    assert experiment.returncode == 0, experiment.stdout + experiment.stderr
    assert "nothing to change" in experiment.stdout
    measured = "validate@digits-ds_cnn-int8-litert-android"
    experiment = builds.run(quick, *dvc, "exp", "run", "--set-param", value, measured)
    assert experiment.returncode == 0, experiment.stdout + experiment.stderr
    parameters = builds.run(quick, *dvc, "params", "diff").stdout.splitlines()
    assert any(
        line.split() == ["params.yaml", "train.digits-ds_cnn.epochs", "8", "2"]
        for line in parameters
    )
    # A latency may come out the same to its last digit, and `diff` then leaves it out.
    assert "accuracy" in builds.run(quick, *dvc, "metrics", "diff").stdout
    metrics = builds.run(quick, *dvc, "metrics", "show").stdout
    assert "latency_p90_ms" in metrics
    assert "size_mb" in metrics
    plots = builds.run(quick, *dvc, "plots", "show").stdout
    assert plots.strip().endswith("index.html")
    page = (quick / "dvc_plots/index.html").read_text()
    for title in ("training of digits-ds_cnn", "confusion of", "latency of"):
        assert title in page

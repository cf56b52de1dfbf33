"""Refuse conversions, schemes and training that the format of an imported model rules out."""

import shutil
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from edgebake.models.importers import input_check
from edgebake.plan.checks import model as model_checks
from edgebake.plan.checks import train as train_checks
from edgebake.recipe import Augment, EarlyStopping, Head, Imported, Monitor, Output, Recipe
from edgebake.runtimes.litert import quantizer
from tests.models.importers import graphs
from tests.models.importers.made import FILES


@pytest.fixture
def brought(project: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A sound recipe that measures models/net.onnx in ONNX Runtime; no file is inspected."""
    monkeypatch.setattr(model_checks, "_refusal", lambda *_: None)
    (project / "models/saved").mkdir(parents=True)
    (project / "models/saved/saved_model.pb").write_bytes(b"1")
    for name in ("net.onnx", "net.tflite", "net.h5", "net.pt"):
        (project / "models" / name).write_bytes(b"1")
    recipe.model.architecture, recipe.model.width_multiplier = "import", 1.0
    recipe.model.imported = Imported(
        "models/net.onnx", Output.probabilities, Head.keep, allow_code=False, image_width=None
    )
    recipe.train.epochs, recipe.train.learning_rate = 0, 0.0
    recipe.convert.runtime = "onnxruntime"
    return recipe


def problems(recipe: Recipe) -> list[tuple[str, str]]:
    return [*model_checks.check(recipe), *train_checks.check(recipe)]


def _file(recipe: Recipe, name: str) -> None:
    assert recipe.model.imported is not None
    recipe.model.imported.file = f"models/{name}"


def test_what_can_be_is_sound(brought: Recipe) -> None:
    assert problems(brought) == []


@pytest.mark.parametrize(
    ("file", "runtime", "message"),
    [
        (
            "net.onnx",
            "litert",
            "models/net.onnx: onnx models cannot become litert; expected one of: onnxruntime",
        ),
        (
            "net.onnx",
            "coreml",
            "models/net.onnx: onnx models cannot become coreml; expected one of: onnxruntime",
        ),
        (
            "net.tflite",
            "onnxruntime",
            "models/net.tflite: tflite models cannot become onnxruntime; expected one of: litert",
        ),
    ],
)
def test_a_runtime_that_a_format_cannot_reach(
    brought: Recipe, file: str, runtime: str, message: str
) -> None:
    _file(brought, file)
    brought.convert.runtime = runtime
    assert problems(brought) == [("convert", message)]


def test_a_scheme_that_a_format_cannot_carry(brought: Recipe) -> None:
    brought.quantize.scheme = "mixed"
    assert problems(brought) == [
        (
            "quantize",
            "models/net.onnx: onnx models cannot carry mixed in onnxruntime; "
            "expected one of: dynamic, float16, int4_weights, int8, none",
        )
    ]


@pytest.mark.parametrize("file", ["net.onnx", "net.tflite", "saved"])
def test_a_finished_graph_learns_nothing(brought: Recipe, file: str) -> None:
    _file(brought, file)
    brought.convert.runtime = "litert" if file == "net.tflite" else "onnxruntime"
    brought.train.epochs, brought.train.learning_rate = 3, 0.01
    brought.prune.method = "channels"
    found = dict(problems(brought))
    why = f"models/{file} holds a finished graph, without trainable layers"
    assert found["train"] == f"{why}; expected `override /train: none`, or its .keras or .h5 file"
    assert (
        found["prune"]
        == f"{why} to prune; expected `override /prune: none`, or its .keras or .h5 file"
    )


def test_files_that_cannot_be_read_say_what_to_do(brought: Recipe) -> None:
    _file(brought, "net.pt")
    ((key, text),) = problems(brought)
    assert key == "model.imported.file"
    assert (
        "a PyTorch file is a pickle, and reading it runs code; export it to ONNX: torch.onnx.export"
        in text
    )
    _file(brought, "../net.onnx")
    assert problems(brought)[0][0] == "model.imported.file"


def test_a_model_that_dvc_has_not_fetched_is_waited_for(brought: Recipe, project: Path) -> None:
    (project / "models/net.onnx").unlink()
    assert [key for key, _ in problems(brought)] == ["model.imported.file"]
    (project / "models/net.onnx.dvc").write_text("outs: []\n")
    assert problems(brought) == []


def test_words_of_an_import_and_the_architecture_go_together(brought: Recipe) -> None:
    brought.model.architecture = "ds_cnn"
    assert problems(brought)[0] == (
        "model.imported",
        "has options; expected null for the architecture ds_cnn",
    )
    brought.model.architecture, brought.model.imported = "import", None
    assert problems(brought)[0] == (
        "model.imported",
        "null; expected a mapping for the architecture import",
    )


def test_a_new_head_has_to_learn(brought: Recipe) -> None:
    _file(brought, "net.h5")
    assert brought.model.imported is not None
    brought.model.imported.head = Head.new
    assert problems(brought) == [
        ("train.epochs", "0; a new head expects 1 or more: its weights are random")
    ]


def test_a_model_of_random_weights_has_to_learn(recipe: Recipe) -> None:
    recipe.train.epochs = 0
    assert problems(recipe) == [("train.epochs", "0; expected 1 or more")]


@pytest.mark.parametrize(
    ("augment", "problem"),
    [
        (
            Augment(crop=1.0),
            ("train.augment.crop", "1; expected more than 0 and less than 1, or null"),
        ),
        (
            Augment(rotation=200.0),
            ("train.augment.rotation", "200; expected more than 0 and at most 180, or null"),
        ),
    ],
)
def test_augmentation_has_bounds(
    recipe: Recipe, augment: Augment, problem: tuple[str, str]
) -> None:
    recipe.train.augment = augment
    assert problems(recipe) == [problem]


def test_words_of_training_fit_each_other(recipe: Recipe) -> None:
    recipe.train.warmup_epochs = 30
    recipe.train.layers = []
    recipe.train.early_stopping = EarlyStopping(Monitor.loss, 0)
    assert problems(recipe) == [
        ("train.warmup_epochs", "30; expected 0, or fewer than the 30 of epochs"),
        ("train.layers", "empty; expected patterns of names of layers, '*' for all"),
        ("train.early_stopping.patience", "0; expected 1 or more"),
    ]


def test_limits_that_no_import_can_keep_are_refused(brought: Recipe) -> None:
    assert brought.model.imported is not None
    brought.model.imported.memory_limit_gib = 2.5
    brought.model.imported.time_limit_s = float("inf")
    assert problems(brought) == [
        ("model.imported.memory_limit_gib", "2.5; expected 4 or more"),
        ("model.imported.time_limit_s", "inf; expected 60 or more"),
    ]


@pytest.mark.parametrize(
    ("shape", "problem"),
    [(["n", 3, 16, 16], ""), (["n", 13], "takes [n, 13], a row of numbers for each example")],
)
def test_a_file_that_is_no_image_classifier_is_refused(
    project: Path, recipe: Recipe, shape: list[int | str], problem: str
) -> None:
    (project / "models").mkdir()
    recipe.model.architecture, recipe.model.width_multiplier = "import", 1.0
    recipe.model.imported = Imported(
        "models/net.onnx", Output.probabilities, Head.keep, allow_code=False, image_width=None
    )
    recipe.convert.runtime = "onnxruntime"
    recipe.train.epochs = 0
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", "classes"])
    node = helper.make_node("Flatten", ["image"], ["answer"])
    graph = helper.make_graph([node], "net", [image], [answer])
    onnx.save(helper.make_model(graph), project / "models/net.onnx")
    expected = []
    if problem:
        text = f"models/net.onnx: {problem}; {input_check.EXPECTED}"
        expected.append(("model.imported.file", text))
    assert list(model_checks.check(recipe)) == expected


def test_a_quantized_tflite_is_refused_before_any_work(project: Path, recipe: Recipe) -> None:
    (project / "models").mkdir()
    file = graphs.tflite(project / "models/net.tflite")
    file.write_bytes(quantizer.quantize_weights(file.read_bytes(), 8))
    recipe.model.architecture, recipe.model.width_multiplier = "import", 1.0
    recipe.model.imported = Imported(
        "models/net.tflite", Output.probabilities, Head.keep, allow_code=False, image_width=None
    )
    recipe.convert.runtime = "litert"
    recipe.train.epochs = 0
    assert list(model_checks.check(recipe)) == [
        (
            "model.imported.file",
            "models/net.tflite: already quantized (int8 weights, activations are float); expected "
            "the float32 model that it was made from, or a newer export of it",
        )
    ]


@pytest.mark.parametrize("allow_code", [False, True])
def test_code_in_a_file_is_refused_unless_it_is_allowed(
    project: Path, recipe: Recipe, allow_code: bool
) -> None:
    (project / "models").mkdir()
    shutil.copy(FILES / "lambda.h5", project / "models/net.h5")
    recipe.model.architecture, recipe.model.width_multiplier = "import", 1.0
    recipe.model.imported = Imported(
        "models/net.h5", Output.probabilities, Head.keep, allow_code, image_width=None
    )
    problems = list(model_checks.check(recipe))
    assert len(problems) == (0 if allow_code else 1)
    for key, message in problems:
        assert key == "model.imported.file"
        assert message.startswith("models/net.h5: layer 'lambda' is a Lambda: Python code in")

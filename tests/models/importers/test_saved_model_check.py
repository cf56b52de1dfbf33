"""A SavedModel of a stranger writes, reads and prints nothing, when loaded or when called."""

from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import ModelError
from edgebake.models import keras_session
from edgebake.models.importers import graph_operators, saved_model, saved_model_check
from edgebake.models.inspection.file import inspect_file
from tests.models.importers import hostile_saved_models as hostile


@pytest.fixture(scope="module")
def tensorflow() -> Any:
    keras_session.start(1)
    import tensorflow

    return tensorflow


def files_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def refusal(folder: Path) -> str:
    """Return why a folder is refused, by the importer; `inspect` says the same."""
    before = files_below(folder.parent)
    with pytest.raises(ModelError) as refused:
        saved_model.read(folder, "model")
    text = str(refused.value).removeprefix("model: ")
    assert inspect_file(folder).unsupported == text
    assert files_below(folder.parent) == before
    return text


@pytest.mark.parametrize("operator", hostile.ACTIONS)
def test_an_operator_that_does_more_than_compute_is_refused_by_name(
    tensorflow: Any, tmp_path: Path, operator: str
) -> None:
    act = hostile.ACTIONS[operator]
    victim = str(tmp_path / "victim")
    folder = hostile.in_signature(tensorflow, lambda: act(tensorflow, victim), tmp_path / "model")
    text = refusal(folder)
    assert text.startswith("holds operators that do more than compute: ")
    assert operator in text.partition("(")[0]


@pytest.mark.parametrize("operator", ["DatasetToTFRecord", "SaveV2"])
@pytest.mark.parametrize("place", hostile.PLACES)
def test_the_operator_is_refused_wherever_it_stands(
    tensorflow: Any, tmp_path: Path, place: str, operator: str
) -> None:
    act = hostile.ACTIONS[operator]
    victim = str(tmp_path / "victim")
    save = hostile.PLACES[place]
    folder = save(tensorflow, lambda: act(tensorflow, victim), tmp_path / "model")
    text = refusal(folder)
    assert text.startswith("holds operators that do more than compute: ")
    assert operator in text.partition("(")[0]


def test_an_object_that_runs_functions_when_it_is_loaded_is_refused(
    tensorflow: Any, tmp_path: Path
) -> None:
    folder = hostile.in_initializer(tensorflow, lambda: None, tmp_path / "model")
    assert refusal(folder).startswith(
        "holds objects of the kind resource, which run functions of the file or read files when it "
        "is loaded; "
        "expected only variables, constants and functions"
    )


def test_a_file_of_the_model_is_refused(tensorflow: Any, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a\nb\n")
    module = hostile.classifier(tensorflow, lambda: None)
    module.asset = tensorflow.saved_model.Asset(str(tmp_path / "words.txt"))
    folder = hostile.saved(tensorflow, module, tmp_path / "asset")
    assert refusal(folder).startswith("holds objects of the kind asset, which run functions")


def operators_of(parsed: Any) -> set[str]:
    graph = parsed.meta_graphs[0].graph_def
    nodes = [*graph.node]
    for function in graph.library.function:
        nodes += function.node_def
    return {node.op for node in nodes}


def edited(tensorflow: Any, folder: Path) -> Any:
    """Return the parsed SavedModel of a harmless classifier."""
    hostile.in_signature(tensorflow, lambda: None, folder)
    return saved_model_check.parse(folder, "model")


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("registered_name", "Mine.Table", "objects of the class 'Mine.Table'"),
        ("registered_saver", "Mine.Saver", "objects that restore themselves"),
    ],
)
def test_a_registered_class_is_refused(
    tensorflow: Any, tmp_path: Path, key: str, value: str, problem: str
) -> None:
    parsed = edited(tensorflow, tmp_path)
    setattr(parsed.meta_graphs[0].object_graph_def.nodes[0], key, value)
    with pytest.raises(ModelError, match=f"holds {problem}, which run functions of the file"):
        saved_model_check.refuse_unsafe(parsed, "model")


def test_a_model_of_tensorflow_1_is_refused(tensorflow: Any, tmp_path: Path) -> None:
    parsed = edited(tensorflow, tmp_path)
    parsed.meta_graphs[0].ClearField("object_graph_def")
    with pytest.raises(ModelError, match="a SavedModel of TensorFlow 1, which runs operations"):
        saved_model_check.refuse_unsafe(parsed, "model")


def test_every_meta_graph_is_checked(tensorflow: Any, tmp_path: Path) -> None:
    parsed = edited(tensorflow, tmp_path)
    parsed.meta_graphs.add().graph_def.node.add(op="WriteFile", name="second")
    with pytest.raises(ModelError, match=r"WriteFile \(operation 'second'\)"):
        saved_model_check.refuse_unsafe(parsed, "model")


def test_only_the_checked_file_is_loaded(tensorflow: Any, tmp_path: Path) -> None:
    """The functions that read and write checkpoints are not even in the copy that is loaded."""
    parsed = edited(tensorflow, tmp_path)
    saved_model_check.refuse_unsafe(parsed, "model")
    copy = type(parsed).FromString(saved_model_check.without_checkpoint_functions(parsed))
    assert {"SaveV2", "RestoreV2"} <= operators_of(parsed)
    assert "MatMul" in operators_of(copy)
    assert operators_of(copy).isdisjoint(graph_operators.operators("not_loaded"))


def test_a_training_step_beside_the_signature_does_no_harm(tensorflow: Any, tmp_path: Path) -> None:
    """Optimizers, random numbers and dropout are in functions that nothing calls."""
    module = hostile.classifier(tensorflow, lambda: None)
    module.slots = [tensorflow.Variable(tensorflow.zeros([64, 10])) for _ in range(2)]
    module.generator = tensorflow.random.Generator.from_seed(1)

    def train(image: Any) -> Any:
        gradient = module.generator.normal([64, 10]) + tensorflow.random.normal([64, 10])
        tensorflow.raw_ops.ResourceApplyAdam(
            var=module.weights.handle,
            m=module.slots[0].handle,
            v=module.slots[1].handle,
            beta1_power=0.9,
            beta2_power=0.9,
            lr=0.1,
            beta1=0.9,
            beta2=0.9,
            epsilon=0.1,
            grad=gradient,
        )
        return tensorflow.nn.dropout(image, 0.5)

    spec = tensorflow.TensorSpec((None, 8, 8, 1), tensorflow.float32)
    module.train = tensorflow.function(train, input_signature=[spec])
    folder = hostile.saved(tensorflow, module, tmp_path / "model", train=module.train)
    assert inspect_file(folder).unsupported is None
    model = saved_model.read(folder, "model")
    assert model.outputs[0].shape == (None, 10)


def test_slots_of_an_optimizer_need_no_class_of_an_optimizer(
    tensorflow: Any, tmp_path: Path
) -> None:
    module = hostile.classifier(tensorflow, lambda: None)
    module.slot = tensorflow.Variable(tensorflow.zeros([64, 10]))
    folder = hostile.saved(tensorflow, module, tmp_path / "model")
    parsed = saved_model_check.parse(folder, "model")
    nodes = parsed.meta_graphs[0].object_graph_def.nodes
    ids = {child.local_name: child.node_id for child in nodes[0].children}
    slot = nodes[0].slot_variables.add()  # as Keras 2 writes them, of its optimizer
    slot.slot_name = "momentum"
    slot.original_variable_node_id = ids["weights"]
    slot.slot_variable_node_id = ids["slot"]
    (folder / "saved_model.pb").write_bytes(parsed.SerializeToString())
    assert saved_model.read(folder, "model").outputs[0].shape == (None, 10)


def test_a_signature_that_draws_random_numbers_is_refused(tensorflow: Any, tmp_path: Path) -> None:
    def act() -> None:
        tensorflow.random.normal([2])

    module = hostile.classifier(tensorflow, act)

    def serve(image: Any) -> Any:
        return module.serve(image) + tensorflow.random.normal([10])

    spec = tensorflow.TensorSpec((None, 8, 8, 1), tensorflow.float32)
    module.noisy = tensorflow.function(serve, input_signature=[spec])
    tensorflow.saved_model.save(module, tmp_path / "model", signatures=module.noisy)
    with pytest.raises(ModelError, match="writes variables: RandomStandardNormal"):
        saved_model.read(tmp_path / "model", "model")

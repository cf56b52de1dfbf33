"""SavedModels that would write, read, print or connect when TensorFlow loads or runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

CLASSES = 10
SIZE = 8
TEXT = "written by a model"

Act = Callable[[], None]


def _dataset(tensorflow: Any) -> Any:
    return tensorflow.data.Dataset.from_tensors(tensorflow.constant(TEXT))


def dataset_to_tfrecord(tensorflow: Any, victim: str) -> None:
    tensorflow.raw_ops.DatasetToTFRecord(
        input_dataset=_dataset(tensorflow)._variant_tensor, filename=victim, compression_type=""
    )


def csv_dataset(tensorflow: Any, victim: str) -> None:
    tensorflow.data.experimental.CsvDataset(victim, [tensorflow.string]).reduce(
        0, lambda count, _: count + 1
    )


def cache_dataset(tensorflow: Any, victim: str) -> None:
    _dataset(tensorflow).cache(victim).reduce(0, lambda count, _: count + 1)


def matching_files_dataset(tensorflow: Any, victim: str) -> None:
    tensorflow.raw_ops.MatchingFilesDataset(patterns=victim)


def dump_tensor(tensorflow: Any, victim: str) -> None:
    """Add an operation that TensorFlow has no Python function for."""
    attributes: dict[str, Any] = {
        "log_dir_path": str(Path(victim).parent),
        "file_name": Path(victim).name,
        "func_name": "f",
        "node_name": "n",
    }
    encoded = {}
    for key, value in attributes.items():
        encoded[key] = tensorflow.compat.v1.AttrValue(s=value.encode())
    encoded["enabled"] = tensorflow.compat.v1.AttrValue(b=True)
    dtype = tensorflow.float32.as_datatype_enum
    encoded["T"] = tensorflow.compat.v1.AttrValue(type=dtype)
    graph = tensorflow.compat.v1.get_default_graph()
    graph.create_op("DumpTensor", [tensorflow.constant(1.0)], [], attrs=encoded)


def print_(tensorflow: Any, victim: str) -> None:
    tensorflow.raw_ops.Print(
        input=tensorflow.constant(1.0), data=[tensorflow.constant(victim)], message="\x1b[2J"
    )


def print_v2(tensorflow: Any, victim: str) -> None:
    tensorflow.print(TEXT, output_stream=f"file://{victim}")


def write_file(tensorflow: Any, victim: str) -> None:
    tensorflow.io.write_file(victim, TEXT)


def read_file(tensorflow: Any, victim: str) -> None:
    tensorflow.io.read_file(victim)


def save_v2(tensorflow: Any, victim: str) -> None:
    tensorflow.raw_ops.SaveV2(
        prefix=victim, tensor_names=["a"], shape_and_slices=[""], tensors=[tensorflow.constant(1)]
    )


def restore_v2(tensorflow: Any, victim: str) -> None:
    tensorflow.raw_ops.RestoreV2(
        prefix=victim, tensor_names=["a"], shape_and_slices=[""], dtypes=[tensorflow.float32]
    )


def py_function(tensorflow: Any, victim: str) -> None:
    tensorflow.py_function(lambda: Path(victim).touch(), [], [])


def immutable_const(tensorflow: Any, victim: str) -> None:
    tensorflow.raw_ops.ImmutableConst(dtype=tensorflow.uint8, shape=[4], memory_region_name=victim)


def load_and_remap_matrix(tensorflow: Any, victim: str) -> None:
    tensorflow.raw_ops.LoadAndRemapMatrix(
        ckpt_path=victim,
        old_tensor_name="a",
        row_remapping=tensorflow.constant([0], tensorflow.int64),
        col_remapping=tensorflow.constant([0], tensorflow.int64),
        initializing_values=tensorflow.constant([0.0]),
        num_rows=1,
        num_cols=1,
    )


def decode_proto(tensorflow: Any, victim: str) -> None:
    tensorflow.raw_ops.DecodeProtoV2(
        bytes=[""],
        message_type="a.B",
        field_names=["c"],
        output_types=[tensorflow.int32],
        descriptor_source=victim,
    )


def table_of_a_file(tensorflow: Any, victim: str) -> None:
    table = tensorflow.raw_ops.HashTableV2(
        key_dtype=tensorflow.string, value_dtype=tensorflow.int64
    )
    tensorflow.raw_ops.InitializeTableFromTextFileV2(
        table_handle=table, filename=victim, key_index=-2, value_index=-1
    )


def abort(tensorflow: Any, victim: str) -> None:
    tensorflow.raw_ops.Abort(error_msg=victim)


# By the operator that acts.
ACTIONS: dict[str, Callable[[Any, str], None]] = {
    "Abort": abort,
    "CSVDatasetV2": csv_dataset,
    "CacheDatasetV2": cache_dataset,
    "DatasetToTFRecord": dataset_to_tfrecord,
    "DecodeProtoV2": decode_proto,
    "DumpTensor": dump_tensor,
    "EagerPyFunc": py_function,
    "ImmutableConst": immutable_const,
    "InitializeTableFromTextFileV2": table_of_a_file,
    "LoadAndRemapMatrix": load_and_remap_matrix,
    "MatchingFilesDataset": matching_files_dataset,
    "Print": print_,
    "PrintV2": print_v2,
    "ReadFile": read_file,
    "RestoreV2": restore_v2,
    "SaveV2": save_v2,
    "WriteFile": write_file,
}


def classifier(tensorflow: Any, act: Act) -> Any:
    """Return a module of one layer whose function `serve` calls `act` first."""
    module = tensorflow.Module()
    module.weights = tensorflow.Variable(tensorflow.zeros([SIZE * SIZE, CLASSES]))
    spec = tensorflow.TensorSpec((None, SIZE, SIZE, 1), tensorflow.float32)

    def serve(image: Any) -> Any:
        act()
        flat = tensorflow.reshape(image, [-1, SIZE * SIZE])
        return tensorflow.nn.softmax(flat @ module.weights)

    module.serve = tensorflow.function(serve, input_signature=[spec])
    return module


def saved(tensorflow: Any, module: Any, folder: Path, **signatures: Any) -> Path:
    tensorflow.saved_model.save(
        module, folder, signatures={"serving_default": module.serve, **signatures}
    )
    return folder


def _nothing() -> None:
    pass


def _function(tensorflow: Any, act: Act) -> Any:
    def run() -> Any:
        act()
        return tensorflow.constant(0.0)

    return tensorflow.function(run, input_signature=[])


def in_signature(tensorflow: Any, act: Act, folder: Path) -> Path:
    return saved(tensorflow, classifier(tensorflow, act), folder)


def in_called_function(tensorflow: Any, act: Act, folder: Path) -> Path:
    inner = _function(tensorflow, act)
    outer = _function(tensorflow, inner)
    return saved(tensorflow, classifier(tensorflow, outer), folder)


def in_branch(tensorflow: Any, act: Act, folder: Path) -> Path:
    branch = _function(tensorflow, act)
    variable = tensorflow.Variable(3.0)

    def decide() -> None:
        tensorflow.cond(variable > 6.0, branch, lambda: tensorflow.constant(1.0))

    module = classifier(tensorflow, decide)
    module.variable = variable
    return saved(tensorflow, module, folder)


def in_loop(tensorflow: Any, act: Act, folder: Path) -> Path:
    def body(count: Any) -> Any:
        act()
        return count + 1

    def repeat() -> None:
        tensorflow.while_loop(lambda count: count < 3, body, [tensorflow.constant(0)])

    return saved(tensorflow, classifier(tensorflow, repeat), folder)


def in_unused_signature(tensorflow: Any, act: Act, folder: Path) -> Path:
    module = classifier(tensorflow, _nothing)
    return saved(tensorflow, module, folder, other=_function(tensorflow, act))


def in_method(tensorflow: Any, act: Act, folder: Path) -> Path:
    """Put it in a function of the object that is no signature."""
    module = classifier(tensorflow, _nothing)
    module.method = _function(tensorflow, act)
    return saved(tensorflow, module, folder)


def in_initializer(tensorflow: Any, act: Act, folder: Path) -> Path:
    """Put it in a function that TensorFlow runs when it loads the file."""
    from tensorflow.python.trackable.resource import CapturableResource

    class Resource(CapturableResource):  # type: ignore[misc]
        def _create_resource(self) -> Any:
            return tensorflow.raw_ops.VarHandleOp(dtype=tensorflow.float32, shape=[])

        def _initialize(self) -> Any:
            act()
            return tensorflow.constant(0.0)

    module = classifier(tensorflow, _nothing)
    module.resource = Resource()
    return saved(tensorflow, module, folder)


PLACES: dict[str, Callable[[Any, Act, Path], Path]] = {
    "signature": in_signature,
    "called_function": in_called_function,
    "branch": in_branch,
    "loop": in_loop,
    "unused_signature": in_unused_signature,
    "method": in_method,
    "initializer": in_initializer,
}

"""Small files of Keras that a reader must not loop, hang or raise on."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np

Config = dict[str, Any]
Write = Callable[[h5py.File], object]
VERSION = '{"keras_version": "3.15.1"}'


def layer(kind: str, name: str, **config: Any) -> Config:
    return {"class_name": kind, "module": "keras.layers", "config": {"name": name, **config}}


IMAGE = layer("InputLayer", "i", batch_shape=[None, 8, 8, 1])
DENSE = layer("Dense", "d", units=10)


def sequential(*layers: object) -> Config:
    return {
        "class_name": "Sequential",
        "module": "keras",
        "config": {"name": "s", "layers": [*layers]},
    }


def functional(calls: dict[str, list[str]], output: str) -> Config:
    """A model of dense layers, each called on the layers that it names."""
    layers = []
    for name, sources in calls.items():
        dense = layer("Dense", name, units=10)
        references = [[source, 0, 0, {}] for source in sources]
        layers.append({**dense, "name": name, "inbound_nodes": [references] if references else []})
    ends = {"input_layers": [["i", 0, 0]], "output_layers": [[output, 0, 0]]}
    image = {**IMAGE, "name": "i", "inbound_nodes": []}
    return {
        "class_name": "Functional",
        "module": "keras.src.models.functional",
        "config": {"name": "f", "layers": [image, *layers], **ends},
    }


def ring(length: int) -> Config:
    calls = {f"d{number}": [f"d{(number + 1) % length}"] for number in range(length)}
    return functional(calls, "d0")


def nested(depth: int) -> Config:
    model: Config = DENSE
    for _ in range(depth):
        model = sequential(model)
    return model


def nothing(store: h5py.File) -> None:
    """Write nothing."""


def weights(write: Write = nothing) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as store:
        write(store)
    return stream.getvalue()


def archive(
    config: object,
    metadata: str = VERSION,
    store: bytes | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    """A .keras archive; a config of text is written as it is."""
    text = config if isinstance(config, str) else json.dumps(config)
    entries: dict[str, str | bytes] = {
        "config.json": text,
        "metadata.json": metadata,
        "model.weights.h5": weights() if store is None else store,
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return stream.getvalue()


def without(name: str) -> bytes:
    stream = io.BytesIO()
    whole = io.BytesIO(archive(sequential(IMAGE, DENSE)))
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(stream, "w") as file:
        for entry in source.namelist():
            if entry != name:
                file.writestr(entry, source.read(entry))
    return stream.getvalue()


def twice(name: str) -> bytes:
    stream = io.BytesIO(archive(sequential(IMAGE, DENSE)))
    with zipfile.ZipFile(stream, "a") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.writestr(name, "{}")
    return stream.getvalue()


def encrypted() -> bytes:
    """An archive whose entries say that they are encrypted."""
    data = archive(sequential(IMAGE, DENSE))
    return data.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")


def hdf5(write: Write, **attributes: object) -> bytes:
    """An HDF5 file of Keras."""

    def write_all(store: h5py.File) -> None:
        store.attrs["model_config"] = json.dumps(sequential(IMAGE, DENSE))
        store.attrs["keras_version"] = "3.15.1"
        for name, value in attributes.items():
            store.attrs[name] = value
        store.create_group("model_weights")
        write(store)

    return weights(write_all)


def group_cycle(length: int) -> Write:
    def write(store: h5py.File) -> None:
        group = first = store["model_weights"]
        for _ in range(length - 1):
            group = group.create_group("g")
        group["again"] = first

    return write


def deep_groups(depth: int) -> Write:
    def write(store: h5py.File) -> None:
        group = store["model_weights"]
        for _ in range(depth):
            group = group.create_group("g")

    return write


def many_paths(levels: int) -> Write:
    """2^levels paths to one dataset, through hard links."""

    def write(store: h5py.File) -> None:
        group = store["model_weights"]
        for _ in range(levels):
            child = group.create_group("a")
            group["b"] = child
            group = child
        group.create_dataset("w", data=np.zeros(1, np.float32))

    return write


def huge_dataset(store: h5py.File) -> None:
    store["model_weights"].create_dataset("w", shape=(1 << 40,), dtype="f4", chunks=(1 << 16,))


def linked(link: object) -> Write:
    def write(store: h5py.File) -> None:
        store["model_weights/w"] = link

    return write


def named_type(store: h5py.File) -> None:
    store["model_weights/t"] = np.dtype("f4")


def odd_datasets(store: h5py.File) -> None:
    group = store["model_weights"]
    group.create_dataset("compound", data=np.zeros(3, [("a", "f4"), ("b", "i2")]))
    group.create_dataset("empty", data=h5py.Empty("f4"))
    group.create_dataset("scalar", data=np.float32(1))
    group.create_dataset("texts", data=["a", "b"], dtype=h5py.string_dtype())
    group.create_dataset("reference", data=group.ref, dtype=h5py.ref_dtype)


def odd_name(store: h5py.File) -> None:
    store["model_weights"].create_group(b"\xff\x1b[2K\n")


def same_entries(count: int) -> Config:
    """A model whose input is named many times."""
    model = functional({"d": ["i"]}, "d")
    model["config"]["input_layers"] = [["i", 0, 0]] * count
    model["config"]["output_layers"] = [["d", 0, 0]] * count
    return model


REPLACEMENTS: tuple[object, ...] = (
    None,
    [],
    {},
    "text",
    -7,
    1.5,
    True,
    10**30,
    [None],
    [[]],
    [{}],
    {"class_name": 5},
)


def mutations(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield a place of a config, and a copy with another value there, for every place."""
    whole = json.dumps(node)
    for path in list(_paths(node)):
        for number, value in enumerate(REPLACEMENTS):
            copy = json.loads(whole)
            target = copy
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = value
            yield f"{'.'.join(str(step) for step in path)} {number}", copy


def _paths(node: Any) -> Iterator[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    for key, child in items:
        yield (key,)
        for path in _paths(child):
            yield (key, *path)


def rich_config() -> Config:
    """A functional config with a model inside, arithmetic, and calls of Keras 2 and 3."""
    tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 0]}}
    scaling = {
        **layer("Rescaling", "r", scale=0.5, offset=[1.0]),
        "name": "r",
        "inbound_nodes": [{"args": [tensor, 2.0], "kwargs": {}}],
    }
    divide = {
        **layer("TFOpLambda", "t", function="math.divide"),
        "name": "t",
        "inbound_nodes": [[["r", 0, 0, {"y": 2.0}]]],
    }
    normalization = {
        **layer("Normalization", "n", mean=[0.5], variance=[0.25]),
        "name": "n",
        "inbound_nodes": [[["t", 0, 0, {}]]],
    }
    inner = {**sequential(IMAGE, layer("Reshape", "e", target_shape=[10]), DENSE), "name": "s"}
    inner["inbound_nodes"] = [[["n", 0, 0, {}]]]
    last = {**layer("Activation", "a", activation="softmax"), "name": "a"}
    last["inbound_nodes"] = [[["s", 1, 0, {}]]]
    model = functional({}, "a")
    model["config"]["layers"] += [scaling, divide, normalization, inner, last]
    return model


def write_case(folder: Path, suffix: str, data: bytes) -> Path:
    path = folder / f"net{suffix}"
    path.write_bytes(data)
    return path

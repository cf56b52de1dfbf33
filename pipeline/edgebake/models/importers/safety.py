"""A file that somebody brought in, nothing out: refused where reading it could run code or read other files."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgebake.errors import ModelError

TRUST = "model.imported.allow_code"
STAND_INS = {
    b"version https://git-lfs": "is a Git LFS pointer, not the model; run `git lfs pull`",
    b"outs:": "is DVC's note of a file, not the model; run `dvc pull` and name the file itself",
    b"<!doctype html": "is a web page, not a model; the download needs another link",
    b"<html": "is a web page, not a model; the download needs another link",
    b"\x80": f"is a pickle; expected a model that holds no code, and {TRUST} does not change that",
}
OWN = (
    "keras",
    "tf_keras",
    "tensorflow.keras",
    "tensorflow.python.keras",
    "tensorflow.python.ops.init_ops_v2",
)
LAMBDAS = ("Lambda", "__lambda__")
# They read files and addresses that the config names, or bring a program of another library.
REACHING = {
    *("StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup"),
    *("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
}
# Where functions come from that only compute; keras.utils.get_file is one that does more.
FUNCTIONS = (
    "activations",
    "initializers",
    "ops",
    "losses",
    "metrics",
    "regularizers",
    "constraints",
)
LARGEST, EXPANSION = (
    256 * 2**20,
    100,
)  # bytes that an entry may unpack to, or this many times what it takes on disk


def refuse_stand_in(path: Path, file: str) -> None:
    """Refuse what lies where a model should.

    Raises:
        ModelError: the file is empty, a pointer of Git LFS or DVC, a web page or a pickle.
    """
    with path.open("rb") as content:
        head = content.read(200).lstrip().lower()
    if not head:
        raise ModelError(f"{file}: is empty; expected a model")
    for sign, text in STAND_INS.items():
        if head.startswith(sign):
            raise ModelError(f"{file}: {text}")


def refuse_code(config: Any, file: str, trust: bool) -> None:
    """Refuse a model's config that would make Keras run more than layers of its own; `trust` allows Lambda layers.

    Raises:
        ModelError: it holds a Lambda layer, a class or function from elsewhere, or a layer that reads files.
    """
    for node, layer in _objects(config, "the model"):
        kind, module = str(node["class_name"]), node.get("module")
        registered = node.get("registered_name")
        if kind in LAMBDAS and not trust:
            raise ModelError(
                f"{file}: {layer} is a Lambda: Python code that the file brings; expected layers alone. If you trust "
                f"whoever made it, say {TRUST}: true"
            )
        if kind in REACHING:
            raise ModelError(
                f"{file}: {layer} is a {kind}, which reads files or runs other programs; expected no such"
            )
        if not _is_own(module) or (isinstance(registered, str) and ">" in registered):
            raise ModelError(f"{file}: {_foreign(kind, layer, module)}")
        if kind == "function" and not _computes(module):
            raise ModelError(
                f"{file}: {layer} calls {module}.{node.get('config')}; expected a function of Keras' layers"
            )


def unknown(kind: str, layer: str) -> str:
    """Return what to do about a class that Keras does not have."""
    return (
        f"{layer} is of the class {kind!r}, which Keras does not have; expected Keras' own layers. Save the model "
        "again with those, or as a SavedModel, which needs no classes: model.export('folder')"
    )


def refuse_links(store: Any, file: str) -> None:
    """Refuse an open HDF5 file that reads from other files or points elsewhere in itself.

    Raises:
        ModelError: it holds a link, external storage or a virtual dataset.
    """
    import h5py  # type: ignore[import-untyped]

    def look(name: str, group: Any) -> None:
        for key in group:
            link, child = group.get(key, getlink=True), f"{name}/{key}"
            if not isinstance(link, h5py.HardLink):
                raise ModelError(
                    f"{file}: {child} is a {type(link).__name__}; expected weights in the file itself"
                )
            item = group[key]
            if isinstance(item, h5py.Group):
                look(child, item)
            elif item.external or item.is_virtual:
                raise ModelError(
                    f"{file}: {child} lies in another file; expected weights in the file itself"
                )

    look("", store)


def entries(path: Path, file: str, names: tuple[str, ...]) -> dict[str, bytes]:
    """Return these entries of a zip archive; no other is read.

    Raises:
        ModelError: it is damaged, lacks one, or one unpacks to far more than it takes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _entry(archive, name, file) for name in names}
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise ModelError(
            f"{file}: is damaged ({error}); expected a .keras archive; copy it again"
        ) from None
    except KeyError as error:
        raise ModelError(
            f"{file}: {error.args[0]}; expected a .keras archive that model.save made"
        ) from None


def config_of(text: bytes | str, file: str) -> Any:
    """Return the model's config.

    Raises:
        ModelError: it is no JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise ModelError(f"{file}: its config is damaged ({error}); copy it again") from None


def as_json(config: Any) -> bytes:
    """Return the config as a file holds it."""
    return json.dumps(config).encode()


def in_memory(content: bytes, file: str) -> Any:
    """Return an HDF5 file whose links were looked at, from its bytes.

    Raises:
        ModelError: it is damaged, or refused by `refuse_links`.
    """
    import h5py

    try:
        store = h5py.File(io.BytesIO(content), "r")
    except OSError as error:
        raise ModelError(f"{file}: its weights are damaged ({error}); copy it again") from None
    refuse_links(store, file)
    return store


def _entry(archive: zipfile.ZipFile, name: str, file: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > max(LARGEST, EXPANSION * info.compress_size):
        raise ModelError(
            f"{file}: {name} unpacks to {info.file_size:,} bytes; expected what model.save writes"
        )
    return archive.read(name)


def _objects(node: Any, layer: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield everything in a config that Keras makes an object of, and the layer that it belongs to."""
    if isinstance(node, list):
        for item in node:
            yield from _objects(item, layer)
    elif isinstance(node, dict):
        if "class_name" in node:
            config = node.get("config")
            name = config.get("name") if isinstance(config, dict) else None
            layer = f"layer {name!r}" if isinstance(name, str) else layer
            yield node, layer
        for value in node.values():
            yield from _objects(value, layer)


def _is_own(module: Any) -> bool:
    return (
        module is None
        or module == "builtins"
        or any(f"{module}.".startswith(f"{own}.") for own in OWN)
    )


def _computes(module: Any) -> bool:
    words = str(module).removeprefix("keras.").removeprefix("src.").split(".")
    return module is None or module == "builtins" or words[0] in FUNCTIONS


def _foreign(kind: str, layer: str, module: Any) -> str:
    return unknown(kind, layer) + (
        f" (it comes from {module})" if module and not _is_own(module) else ""
    )

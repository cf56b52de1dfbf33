"""Files of Keras of strangers: each ends in a report or in one line."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import pytest

from edgebake.errors import ModelError
from edgebake.models.inspection import file
from edgebake.report import model_file
from tests.models.inspection import hostile_keras as hostile

SAVE = "save the model again"
DEPTH = "its config is damaged (nested deeper than 64 levels; expected fewer); copy it again"
Case = Callable[[], bytes]

REPORTED: dict[str, tuple[str, Case]] = {
    "a ring of 1 layer": (".keras", lambda: hostile.archive(hostile.ring(1))),
    "a ring of 2 layers": (".keras", lambda: hostile.archive(hostile.ring(2))),
    "a ring of 300 layers": (".keras", lambda: hostile.archive(hostile.ring(300))),
    "15 models in each other": (".keras", lambda: hostile.archive(hostile.nested(15))),
    "50,000 inputs": (".keras", lambda: hostile.archive(hostile.same_entries(50_000))),
    "a version that is a number": (
        ".keras",
        lambda: hostile.archive(hostile.sequential(hostile.IMAGE), '{"keras_version": 2}'),
    ),
    "weights that unpack to 250 MB": (
        ".keras",
        lambda: hostile.archive(
            hostile.sequential(hostile.IMAGE),
            store=hostile.hdf5(hostile.nothing) + bytes(250 << 20),
            compression=zipfile.ZIP_DEFLATED,
        ),
    ),
    "datasets of odd types": (".h5", lambda: hostile.hdf5(hostile.odd_datasets)),
    "a group with control characters": (
        ".h5",
        lambda: hostile.hdf5(lambda store: store.create_group("model_weights/\x1b[2K\n")),
    ),
    "a version that is a list": (
        ".h5",
        lambda: hostile.hdf5(hostile.nothing, keras_version=[1, 2, 3]),
    ),
    "a version that is not UTF-8": (
        ".h5",
        lambda: hostile.hdf5(hostile.nothing, keras_version=b"\xff\xfe"),
    ),
}
REFUSED: dict[str, tuple[str, Case, str]] = {
    "100,000 brackets": (".keras", lambda: hostile.archive("[" * 100_000), DEPTH),
    "20,000 models in each other": (
        ".keras",
        lambda: hostile.archive(
            '{"class_name":"Sequential","config":{"layers":[' * 20_000 + "]}}" * 20_000
        ),
        DEPTH,
    ),
    "150 models in each other": (".keras", lambda: hostile.archive(hostile.nested(150)), DEPTH),
    "metadata of 100,000 brackets": (
        ".keras",
        lambda: hostile.archive(hostile.sequential(hostile.IMAGE), "[" * 100_000),
        DEPTH,
    ),
    "metadata that are a list": (
        ".keras",
        lambda: hostile.archive(hostile.sequential(hostile.IMAGE), "[]"),
        f"its config is no JSON object; expected what model.save writes; {SAVE}",
    ),
    "a config that is a number": (
        ".keras",
        lambda: hostile.archive("5"),
        f"its config is no JSON object; expected what model.save writes; {SAVE}",
    ),
    "a key twice": (
        ".keras",
        lambda: hostile.archive('{"class_name": "A", "class_name": "B"}'),
        "its config is damaged (a key is repeated in one object; expected each key once); "
        "copy it again",
    ),
    "no config": (
        ".keras",
        lambda: hostile.archive({"class_name": "Sequential"}),
        f"the config of the model is null; expected an object or a list; {SAVE}",
    ),
    "layers that are text": (
        ".keras",
        lambda: hostile.archive({"class_name": "Sequential", "config": {"layers": "abc"}}),
        f"the layers of the model is a text; expected a list; {SAVE}",
    ),
    "no layers": (
        ".keras",
        lambda: hostile.archive(hostile.sequential()),
        "the model has no layers; expected at least one",
    ),
    "a layer that is null": (
        ".keras",
        lambda: hostile.archive(hostile.sequential(hostile.IMAGE, None)),
        f"layer 1 is null; expected an object; {SAVE}",
    ),
    "a layer whose config is a number": (
        ".keras",
        lambda: hostile.archive(
            hostile.sequential(hostile.sequential({"class_name": "Dense", "config": 5}))
        ),
        f"the config of layer 0 of layer 0 is a number; expected an object; {SAVE}",
    ),
    "a class that is a list": (
        ".keras",
        lambda: hostile.archive({"class_name": ["Sequential"], "config": {}}),
        f"the class_name of the model is a list; expected a text; {SAVE}",
    ),
    "an input shape that is a number": (
        ".keras",
        lambda: hostile.archive(
            hostile.sequential(hostile.layer("InputLayer", "i", batch_shape=5))
        ),
        "is damaged, or no keras model (layer 'i' has the input shape 5; expected a list of "
        f"sizes); copy it again, or {SAVE}",
    ),
    "an input of 10^30 rows": (
        ".keras",
        lambda: hostile.archive(
            hostile.sequential(
                hostile.layer("InputLayer", "i", batch_shape=[None, 10**30, 8, 1]), hostile.DENSE
            )
        ),
        f"is damaged, or no keras model (tensor 'i' has the size 1{'0' * 30}; expected a whole "
        f"number from 0 to 2,147,483,647); copy it again, or {SAVE}",
    ),
    "a missing entry": (
        ".keras",
        lambda: hostile.without("model.weights.h5"),
        "There is no item named 'model.weights.h5' in the archive; expected a .keras archive that "
        "model.save wrote",
    ),
    "an entry twice": (
        ".keras",
        lambda: hostile.twice("config.json"),
        f"holds config.json 2 times; expected it once; {SAVE}",
    ),
    "an encrypted entry": (
        ".keras",
        hostile.encrypted,
        "is damaged (File 'config.json' is encrypted, password required for extraction); "
        "expected a .keras archive; copy it again",
    ),
    "an entry that LZMA packs": (
        ".keras",
        lambda: hostile.archive(hostile.sequential(hostile.IMAGE), compression=zipfile.ZIP_LZMA),
        f"config.json is compressed in a way that model.save does not use; {SAVE}",
    ),
    "an entry that unpacks to 300 MB": (
        ".keras",
        lambda: hostile.archive(
            hostile.sequential(hostile.IMAGE),
            store=bytes(300 << 20),
            compression=zipfile.ZIP_DEFLATED,
        ),
        "model.weights.h5 unpacks to 314,572,800 bytes; expected what model.save writes",
    ),
    "a config that is a number, in HDF5": (
        ".h5",
        lambda: hostile.hdf5(hostile.nothing, model_config=5),
        f"its config is of the type int64; expected text; {SAVE}",
    ),
    "a config that is a list, in HDF5": (
        ".h5",
        lambda: hostile.hdf5(hostile.nothing, model_config=[1, 2]),
        f"its config is of the type ndarray; expected text; {SAVE}",
    ),
    "a config that is empty, in HDF5": (
        ".h5",
        lambda: hostile.hdf5(hostile.nothing, model_config=h5py.Empty("f4")),
        f"its config is of the type Empty; expected text; {SAVE}",
    ),
    "a group that holds itself": (
        ".h5",
        lambda: hostile.hdf5(hostile.group_cycle(1)),
        "/model_weights/again has a second name in the file; expected one for each group and "
        "dataset",
    ),
    "a group that holds its parent": (
        ".h5",
        lambda: hostile.hdf5(hostile.group_cycle(2)),
        "/model_weights/g/again has a second name in the file; expected one for each group and "
        "dataset",
    ),
    "2^30 paths": (
        ".h5",
        lambda: hostile.hdf5(hostile.many_paths(30)),
        "/model_weights/b has a second name in the file; expected one for each group and dataset",
    ),
    "2^30 paths in an archive": (
        ".keras",
        lambda: hostile.archive(
            hostile.sequential(hostile.IMAGE), store=hostile.hdf5(hostile.many_paths(30))
        ),
        "/model_weights/b has a second name in the file; expected one for each group and dataset",
    ),
    "1,500 groups in each other": (
        ".h5",
        lambda: hostile.hdf5(hostile.deep_groups(1500)),
        "its groups are nested deeper than 64; expected fewer levels",
    ),
    "a dataset of 4 TB": (
        ".h5",
        lambda: hostile.hdf5(hostile.huge_dataset),
        "its datasets have 4,398,046,511,104 bytes or more in a file of 6,736; expected the "
        "weights themselves",
    ),
    "a group whose name is not UTF-8": (
        ".h5",
        lambda: hostile.hdf5(hostile.odd_name),
        r"the name /model_weights/b'\xff\x1b[2K\n' is not UTF-8; expected UTF-8",
    ),
    "a soft link": (
        ".h5",
        lambda: hostile.hdf5(hostile.linked(h5py.SoftLink("/nowhere"))),
        "/model_weights/w is a SoftLink; expected weights in the file itself",
    ),
    "an external link": (
        ".h5",
        lambda: hostile.hdf5(hostile.linked(h5py.ExternalLink("/etc/passwd", "/"))),
        "/model_weights/w is a ExternalLink; expected weights in the file itself",
    ),
    "a named type": (
        ".h5",
        lambda: hostile.hdf5(hostile.named_type),
        "/model_weights/t is a Datatype; expected groups and datasets",
    ),
}


@pytest.mark.parametrize("case", REPORTED)
def test_a_file_is_reported_in_few_lines(tmp_path: Path, case: str) -> None:
    suffix, build = REPORTED[case]
    path = hostile.write_case(tmp_path, suffix, build())
    report = model_file.lines(file.inspect_file(path), "net")
    assert len(report) < 40
    assert max(len(line) for line in report) < 1000


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    suffix, build, message = REFUSED[case]
    path = hostile.write_case(tmp_path, suffix, build())
    with pytest.raises(ModelError) as refused:
        file.inspect_file(path)
    assert str(refused.value).removeprefix(f"{path}: ") == message


def test_any_value_at_any_place_of_a_config_is_reported_or_refused(tmp_path: Path) -> None:
    config = hostile.rich_config()
    path = hostile.write_case(tmp_path, ".keras", hostile.archive(config))
    assert file.inspect_file(path).final_activation == "softmax"
    refusals: list[tuple[str, str]] = []
    for place, mutated in hostile.mutations(config):
        path.write_bytes(hostile.archive(mutated))
        try:
            report = model_file.lines(file.inspect_file(path), "net")
        except ModelError as error:
            refusals.append((place, str(error)))
        else:
            assert max(len(line) for line in report) < 1000, place
    assert len(refusals) > 100
    for place, message in refusals:
        assert "expected" in message, (place, message)

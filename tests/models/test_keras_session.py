"""Equal Keras models give equal archives: what varies between two saves is taken out."""

import io
import json
import zipfile

from edgebake.models.keras_session import _normalize_archive, _renumber_shared_objects


def _archive(files: dict[str, bytes], date: tuple[int, int, int, int, int, int]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, date), content)
    return written.getvalue()


def _files(address: int, saved: str) -> dict[str, bytes]:
    layers = [
        {"shared_object_id": address},
        {"shared_object_id": address + 96},
        {"shared_object_id": address},
    ]
    return {
        "metadata.json": json.dumps({"keras_version": "3.15.1", "date_saved": saved}).encode(),
        "config.json": json.dumps({"layers": layers}).encode(),
        "model.weights.h5": b"\x00weights\xff",
    }


def test_addresses_count_from_zero_in_the_order_of_first_use() -> None:
    config = {
        "a": {"shared_object_id": 9000},
        "b": [{"shared_object_id": 70}, {"shared_object_id": 9000}],
    }
    assert _renumber_shared_objects(config, {}) == {
        "a": {"shared_object_id": 0},
        "b": [{"shared_object_id": 1}, {"shared_object_id": 0}],
    }


def test_numbers_that_are_no_addresses_stay() -> None:
    assert _renumber_shared_objects({"units": 10, "rates": [0.1, None, "relu"]}, {}) == {
        "units": 10,
        "rates": [0.1, None, "relu"],
    }


def test_two_saves_of_one_model_become_the_same_bytes() -> None:
    first = _archive(_files(140_000, "2026-01-01@00:00:00"), (2026, 1, 1, 0, 0, 0))
    later = dict(reversed(_files(250_000, "2026-02-02@11:22:33").items()))
    second = _archive(later, (2026, 2, 2, 11, 22, 32))
    assert first != second
    assert _normalize_archive(first) == _normalize_archive(second)


def test_weights_are_kept_to_the_byte() -> None:
    normal = _normalize_archive(_archive(_files(1, "2026-01-01@00:00:00"), (2026, 1, 1, 0, 0, 0)))
    with zipfile.ZipFile(io.BytesIO(normal)) as archive:
        assert archive.read("model.weights.h5") == b"\x00weights\xff"
        assert json.loads(archive.read("metadata.json"))["keras_version"] == "3.15.1"


def test_models_that_share_other_layers_stay_different() -> None:
    shared, own = _files(1, "x"), _files(1, "x")
    own["config.json"] = json.dumps(
        {"layers": [{"shared_object_id": n} for n in (1, 2, 3)]}
    ).encode()
    date = (2026, 1, 1, 0, 0, 0)
    assert _normalize_archive(_archive(shared, date)) != _normalize_archive(_archive(own, date))

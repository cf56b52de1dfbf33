"""ONNX Runtime answers a handmade file; feeding, running and reading are three steps."""

import numpy as np
import onnxruntime
import pytest

from pipeline.runtimes.onnxruntime import FILE, run
from pipeline.tensors import Session
from tests import handmade

ONE_TO_THREE = np.log(np.array([[1, 3]], np.float32))
EVEN = np.zeros((1, 2), np.float32)


@pytest.fixture
def session() -> Session:
    return run.load({FILE: handmade.softmax_onnx()}, 1)


def test_answers_are_one_number_per_label(session: Session) -> None:
    session.feed(ONE_TO_THREE)
    session.invoke()
    assert session.read().dtype == np.float32
    np.testing.assert_allclose(session.read(), [[0.25, 0.75]], rtol=1e-6)


def test_an_answer_stays_until_the_next_run(session: Session) -> None:
    session.feed(ONE_TO_THREE)
    session.invoke()
    session.feed(EVEN)
    np.testing.assert_allclose(session.read(), [[0.25, 0.75]], rtol=1e-6)
    session.invoke()
    assert session.read().tolist() == [[0.5, 0.5]]


def test_one_feeding_serves_many_runs(session: Session) -> None:
    session.feed(ONE_TO_THREE)
    session.invoke()
    first = session.read()
    session.invoke()
    assert session.read() is not first
    np.testing.assert_array_equal(session.read(), first)


def test_a_classifier_of_images_knows_its_class() -> None:
    session = run.load({FILE: handmade.constant_onnx(3)}, 2)
    session.feed(np.full((1, 32, 32, 1), 0.5, np.float32))
    session.invoke()
    assert session.read().tolist() == [[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_as_many_as_asked_for(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, list[str]]] = []
    opening = onnxruntime.InferenceSession

    def recording(content: bytes, options: onnxruntime.SessionOptions, providers: list[str]) -> object:
        asked.append((options.intra_op_num_threads, options.inter_op_num_threads, providers))
        return opening(content, options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", recording)
    run.load({FILE: handmade.softmax_onnx()}, threads)
    assert asked == [(threads, 1, ["CPUExecutionProvider"])]


def test_an_image_of_another_size_is_refused(session: Session) -> None:
    session.feed(np.zeros((1, 3), np.float32))
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument, match="Got: 3 Expected: 2"):
        session.invoke()

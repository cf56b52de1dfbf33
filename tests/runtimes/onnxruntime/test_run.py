"""ONNX Runtime answers a handmade file; feeding, running and reading are three steps."""

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from edgebake.models.onnx.canonical import canonicalize
from edgebake.recipe import DType, Granularity
from edgebake.runtimes.onnxruntime import (
    EXACT_SUMS,
    FILE,
    integer_io,
    quantizer,
    run,
    scales,
    weights,
)
from edgebake.runtimes.session import Session, single_output
from tests import handmade
from tests.runtimes.onnxruntime import programs

ONE_TO_THREE = np.log(np.array([[1, 3]], np.float32))
EVEN = np.zeros((1, 2), np.float32)


@pytest.fixture
def session() -> Session:
    return run.load({FILE: handmade.softmax_onnx()}, 1)


def test_answers_are_one_number_per_label(session: Session) -> None:
    session.feed({"image": ONE_TO_THREE})
    session.invoke()
    assert single_output(session.read()).dtype == np.float32
    np.testing.assert_allclose(single_output(session.read()), [[0.25, 0.75]], rtol=1e-6)


def test_an_answer_stays_until_the_next_run(session: Session) -> None:
    session.feed({"image": ONE_TO_THREE})
    session.invoke()
    session.feed({"image": EVEN})
    np.testing.assert_allclose(single_output(session.read()), [[0.25, 0.75]], rtol=1e-6)
    session.invoke()
    assert single_output(session.read()).tolist() == [[0.5, 0.5]]


def test_one_feeding_serves_many_runs(session: Session) -> None:
    session.feed({"image": ONE_TO_THREE})
    session.invoke()
    first = single_output(session.read())
    session.invoke()
    assert single_output(session.read()) is not first
    np.testing.assert_array_equal(single_output(session.read()), first)


def test_a_classifier_of_images_knows_its_class() -> None:
    session = run.load({FILE: handmade.constant_onnx(3)}, 2)
    session.feed({"image": np.full((1, 32, 32, 1), 0.5, np.float32)})
    session.invoke()
    assert single_output(session.read()).tolist() == [[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_as_many_as_asked_for(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    request: list[tuple[int, int, list[str]]] = []
    opening = onnxruntime.InferenceSession

    def recording(
        content: bytes, options: onnxruntime.SessionOptions, providers: list[str]
    ) -> object:
        request.append((options.intra_op_num_threads, options.inter_op_num_threads, providers))
        return opening(content, options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", recording)
    run.load({FILE: handmade.softmax_onnx()}, threads)
    assert request == [(threads, 1, ["CPUExecutionProvider"])]


def test_an_image_of_another_size_is_refused(session: Session) -> None:
    session.feed({"image": np.zeros((1, 3), np.float32)})
    with pytest.raises(
        onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument, match="Got: 3 Expected: 2"
    ):
        session.invoke()


@pytest.mark.parametrize("dtype", [DType.uint8, DType.int8])
def test_integer_ends_are_fed_and_read_as_real_numbers(dtype: DType) -> None:
    program = programs.prepared()
    integers = quantizer.IntegerOptions(Granularity.per_channel)
    expected = programs.answers(quantizer.quantize_integers(program, integers))
    model = integer_io.convert_inputs(
        quantizer.quantize_integers(program, integers), dtype, program.bounds
    )
    model = canonicalize(integer_io.convert_outputs(model, dtype, program.bounds))
    helper.set_model_props(model, scales.io_scales(model.graph))
    session = run.load({FILE: model.SerializeToString()}, 1)
    for example, answer in zip(programs.EXAMPLES, expected, strict=True):
        session.feed({"image": example[None]})
        session.invoke()
        assert single_output(session.read()).dtype == np.float32
        np.testing.assert_array_equal(single_output(session.read()), answer[None])


def test_integer_weights_beside_float_activations_become_floats_at_load() -> None:
    model = weights.quantize_int4(programs.small(), None)
    session = run.load({FILE: model.SerializeToString()}, 1)
    session.feed({"image": programs.EXAMPLES[:1]})
    session.invoke()
    expected = programs.answers(model, programs.EXAMPLES[:1], fused=False)
    np.testing.assert_allclose(single_output(session.read()), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("is_integer", "entries"), [(True, []), (False, [("session.disable_quant_qdq", "1")])]
)
def test_integer_kernels_are_left_to_files_that_quantize(
    is_integer: bool, entries: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = programs.prepared()
    model = (
        quantizer.quantize_integers(program, quantizer.IntegerOptions(Granularity.per_channel))
        if is_integer
        else program.model
    )
    options: list[tuple[str, str]] = []

    class Recording(onnxruntime.SessionOptions):  # type: ignore[misc]
        def add_session_config_entry(self, key: str, value: str) -> None:
            options.append((key, value))

    monkeypatch.setattr(onnxruntime, "SessionOptions", Recording)
    run.load({FILE: canonicalize(model).SerializeToString()}, 1)
    assert options == entries


def test_sums_of_weights_of_eight_bits_are_exact_on_every_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    integers = quantizer.IntegerOptions(Granularity.per_channel)
    model = canonicalize(quantizer.quantize_integers(programs.prepared(), integers))
    model.metadata_props.add(key=EXACT_SUMS, value="1")
    options: list[tuple[str, str]] = []

    class Recording(onnxruntime.SessionOptions):  # type: ignore[misc]
        def add_session_config_entry(self, key: str, value: str) -> None:
            options.append((key, value))

    monkeypatch.setattr(onnxruntime, "SessionOptions", Recording)
    run.load({FILE: model.SerializeToString()}, 1)
    assert options == [("session.x64quantprecision", "1")]

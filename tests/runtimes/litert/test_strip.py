"""A stripped .tflite holds no words of ours and answers with the same bits.

tests/runtimes/test_all_architectures.py strips the file of every scheme.
"""

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgebake.models.tflite import tables
from edgebake.runtimes.litert import FILE, metadata, run
from edgebake.runtimes.litert.inspect import inspect
from edgebake.runtimes.litert.strip import strip
from edgebake.runtimes.session import NamedExamples, predictions, single_output
from tests.contracts import image_contract
from tests.handmade import constant_tflite
from tests.runtimes.coreml.test_convert import ABOUT

LABELS = [f"class {digit}" for digit in range(10)]
CONTRACT = image_contract(
    "classification", 32, 32, "grayscale", "none", "bilinear", [127.5], [1 / 127.5], LABELS
)


def _metadata(content: Any, name: str, data: bytes) -> None:
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(data)
    content.buffers.append(buffer)
    entry.name, entry.buffer = name, len(content.buffers) - 1
    content.metadata = [*(content.metadata or []), entry]


def _mapped(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry


@pytest.fixture(scope="module")
def wordy() -> dict[str, bytes]:
    """A file with every word that a file can have."""
    content = tables.parse(constant_tflite(7))
    content.description = "the converter's own words"
    graph = content.subgraphs[0]
    graph.name, graph.debugMetadataIndex, graph.operators[0].debugMetadataIndex = (
        "secret_graph",
        0,
        0,
    )
    signature = schema.SignatureDefT()
    signature.signatureKey = "secret_signature"
    signature.inputs, signature.outputs = [_mapped("secret_in", 0)], [_mapped("secret_out", 3)]
    content.signatureDefs = [signature]
    _metadata(content, "secret_debugging", b"secret stack trace")
    _metadata(content, "reduced_precision_support", b"fp16accfp32")
    return {FILE: metadata.attach(tables.serialize(content), CONTRACT, ABOUT)}


def test_every_word_but_the_names_of_the_ends_is_gone(wordy: dict[str, bytes]) -> None:
    texts = [
        b"weights",
        b"bias",
        b"secret",
        b"converter's",
        b"labels.txt",
        b"class 7",
        b"TFLITE_METADATA",
    ]
    texts += [
        text.encode() for text in (ABOUT.author, ABOUT.license, ABOUT.description, ABOUT.name)
    ]
    stripped = strip(wordy)
    assert all(word in wordy[FILE] for word in texts)
    assert [word for word in texts if word in stripped[FILE]] == []
    assert (inspect(stripped).input.name, inspect(stripped).output.name) == (
        "image",
        "probabilities",
    )
    assert [
        tensor.name.decode() for tensor in tables.parse(stripped[FILE]).subgraphs[0].tensors
    ] == [*("image", "t1", "t2", "probabilities")]


def test_only_the_metadata_that_decides_how_a_file_computes_stays(wordy: dict[str, bytes]) -> None:
    content = tables.parse(strip(wordy)[FILE])
    held = {
        entry.name.decode(): bytes(content.buffers[entry.buffer].data) for entry in content.metadata
    }
    assert held == {"reduced_precision_support": b"fp16accfp32"}
    assert len(content.buffers) == 4  # none, weights, bias, and this one
    assert content.signatureDefs is None
    assert (
        content.subgraphs[0].debugMetadataIndex
        == content.subgraphs[0].operators[0].debugMetadataIndex
        == -1
    )


def test_a_file_without_words_is_sure_of_the_same_answer(wordy: dict[str, bytes]) -> None:
    images = np.zeros((1, 32, 32, 1), np.float32)
    assert (
        single_output(
            predictions(run.load(strip(wordy), 1), NamedExamples({"image": images}))
        ).argmax()
        == 7
    )


def test_stripping_again_changes_nothing(wordy: dict[str, bytes]) -> None:
    once = strip(wordy)
    assert strip(once) == once == strip(wordy)
    assert len(once[FILE]) < len(wordy[FILE])


def test_only_a_tflite_file_is_read() -> None:
    with pytest.raises(ValueError, match=r"^no TFL3 at byte 4, where every \.tflite has it$"):
        strip({FILE: b"\x00" * 100})

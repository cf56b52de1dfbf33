"""Only operators of LiteRT that compute are listed; every other is refused by name."""

from pathlib import Path

import pytest

from edgebake.errors import ModelError
from edgebake.models.importers import lite_operators
from edgebake.models.importers import tflite as form
from edgebake.models.inspection.file import inspect_file
from edgebake.models.tflite import tables
from tests.models.importers import graphs
from tests.models.inspection import hostile_tflite as hostile

UNLISTED = sorted(set(tables.OPERATORS.values()) - lite_operators.operators())


def test_every_listed_operator_exists() -> None:
    assert lite_operators.operators() <= set(tables.OPERATORS.values())
    assert len(UNLISTED) == 31


@pytest.mark.parametrize("name", UNLISTED)
def test_every_other_operator_is_refused_by_name(name: str) -> None:
    with pytest.raises(ModelError) as refused:
        lite_operators.refuse_unlisted(hostile.model(name), "net.tflite")
    assert str(refused.value) == (
        f"net.tflite: holds the operators {name}, which are none of LiteRT's that only compute; "
        "expected those. Convert the model without them"
    )


@pytest.mark.parametrize("name", ["FlexWriteFile", "FlexPyFunc", "Mine", "x\x1b[2J"])
@pytest.mark.parametrize("kind", ["CUSTOM", "SOFTMAX", "DELEGATE"])
def test_a_custom_operator_is_refused_before_the_file_is_run(
    tmp_path: Path, name: str, kind: str
) -> None:
    model = hostile.model(kind)
    model.operatorCodes[0].customCode = name
    file = tmp_path / "net.tflite"
    file.write_bytes(hostile.packed(model))
    with pytest.raises(ModelError) as refused:
        form.load(graphs.contract(), graphs.options(file))
    shown = name.replace("\x1b", "\\x1b")
    text = str(refused.value).removeprefix(f"{file}: ")
    assert text.startswith(f"holds the operators {shown}, which are none of LiteRT's")
    assert inspect_file(file).unsupported == text


def test_an_operator_that_no_graph_uses_is_refused() -> None:
    model = hostile.model()
    model.operatorCodes += hostile.model("CALL_ONCE").operatorCodes
    with pytest.raises(ModelError, match="holds the operators CALL_ONCE, which are none"):
        lite_operators.refuse_unlisted(model, "net.tflite")

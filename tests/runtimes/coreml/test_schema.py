"""Apple's classes load without Apple's package, and get along with it where it comes later."""

import subprocess
import sys

import pytest

from edgebake.runtimes.coreml import schema


def _ran(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["Model_pb2", "MIL_pb2", "FeatureTypes_pb2"])
def test_the_classes_load_without_coremltools_or_tensorflow(name: str) -> None:
    said = _ran(f"""
import sys
from edgebake.runtimes.coreml import schema
print(schema.load_module("{name}").__name__)
print([name for name in ("coremltools", "tensorflow", "torch", "sklearn") if name in sys.modules])
""")
    assert said.splitlines() == [f"coremltools.proto.{name}", "[]"]


def test_a_later_import_of_coremltools_is_a_real_one_and_shares_the_classes() -> None:
    # Without TensorFlow, which is optional for coremltools, it takes 5 s instead of 16.
    said = _ran("""
import sys
sys.modules["tensorflow"] = None
from edgebake.runtimes.coreml import schema
before = schema.load_module("Model_pb2")
import coremltools
print(callable(coremltools.convert), coremltools.proto.Model_pb2 is before)
print(schema.load_module("MIL_pb2") is coremltools.proto.MIL_pb2)
model = before.Model()
model.ParseFromString(coremltools.proto.Model_pb2.Model(specificationVersion=8).SerializeToString())
print(model.specificationVersion)
""")
    assert said.splitlines()[-3:] == ["True True", "True", "8"]


def test_the_classes_are_the_same_every_time() -> None:
    assert schema.load_module("MIL_pb2") is schema.load_module("MIL_pb2")
    assert "coremltools" not in sys.modules or hasattr(sys.modules["coremltools"], "convert")


def test_a_machine_without_coremltools_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "coremltools", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match="coremltools"):
        schema.load_module("Model_pb2")

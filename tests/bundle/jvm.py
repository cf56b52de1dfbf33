"""The Kotlin samples on a JVM: compiled once, asked by lines of JSON, and models run here."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
HARNESS = Path(__file__).with_name("kotlin")
# `.ci/run` installs all three.
COMPILER = Path(os.environ.get("EDGEBAKE_KOTLIN", ROOT / ".ci/node_modules/kotlin-compiler"))
ORG_JSON = Path("/usr/share/java/com.android.json.jar")  # Debian's libandroid-json-java
# Halves the processor time of a compiler that runs once.
FAST_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
DTYPES = {
    "tensor(float)": np.float32,
    "tensor(int32)": np.int32,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
}


def missing() -> str | None:
    """Return what is needed to compile Kotlin, and missing; None if nothing is."""
    if not (COMPILER / "bin/kotlinc").exists():
        return f"no Kotlin in {COMPILER}; expected `npm ci --prefix .ci`, or EDGEBAKE_KOTLIN"
    if shutil.which("java") is None:
        return "no Java; expected Java 17 or newer on PATH"
    if not ORG_JSON.exists():
        return f"no {ORG_JSON}; expected Debian's package libandroid-json-java"
    return None


class Jvm:
    """A process that runs samples."""

    def __init__(self, samples: dict[str, bytes], folder: Path) -> None:
        """Compile samples with stubs of Android and of the runtimes, and start them.

        Raises:
            AssertionError: they do not compile, or with a warning.
        """
        self._models: dict[str, OnnxModel | LiteRtModel] = {}
        sources = folder / "sources"
        sources.mkdir()
        for name, content in samples.items():
            if name.endswith(".kt"):
                (sources / name).write_bytes(content)
        for file in HARNESS.rglob("*.kt"):
            shutil.copy(file, sources)
        libraries = [COMPILER / "lib" / "kotlinx-coroutines-core-jvm.jar", ORG_JSON]
        compile_path = ":".join(map(str, libraries))
        classes = folder / "classes"
        files = sorted(map(str, sources.iterdir()))
        options = ["-Werror", "-cp", compile_path, "-d", str(classes)]
        command = [str(COMPILER / "bin/kotlinc"), *options]
        done = subprocess.run(
            [*command, *files],
            env={**os.environ, "JAVA_OPTS": FAST_START},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        run_path = f"{classes}:{compile_path}:{COMPILER / 'lib' / 'kotlin-stdlib.jar'}"
        command = ["java", "-XX:+UseSerialGC", "-cp", run_path, "com.example.bundle.MainKt"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, task: str, **request: Any) -> Any:
        """Return the reply to a request; models that it runs are run here."""
        self._write({"do": task, **request})
        while True:
            assert self._process.stdout is not None
            reply = json.loads(self._process.stdout.readline())
            if "load" in reply:
                model = LOADERS[reply["runtime"]](Path(reply["load"]))
                self._models[reply["load"]] = model
                self._write({"inputs": len(model.inputs), "outputs": len(model.outputs)})
            elif "run" in reply:
                outputs = self._models[reply["run"]].run(reply["inputs"])
                self._write({"outputs": outputs})
            else:
                return reply

    def _write(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


class OnnxModel:
    """A loaded .onnx file."""

    def __init__(self, file: Path) -> None:
        self._session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        self.inputs = self._session.get_inputs()
        self.outputs = self._session.get_outputs()

    def run(self, inputs: list[dict[str, str]]) -> list[dict[str, str]]:
        """Return the stored outputs for inputs by name."""
        stored = {tensor["name"]: base64.b64decode(tensor["data"]) for tensor in inputs}
        feeds = {}
        for end in self.inputs:
            values = np.frombuffer(stored[end.name], DTYPES[end.type])
            feeds[end.name] = values.reshape(end.shape)
        names = [end.name for end in self.outputs]
        outputs = self._session.run(names, feeds)
        return [_listed(name, output) for name, output in zip(names, outputs, strict=True)]


class LiteRtModel:
    """A loaded .tflite file."""

    def __init__(self, file: Path) -> None:
        self._interpreter = Interpreter(model_content=file.read_bytes())
        self._interpreter.allocate_tensors()
        self.inputs = self._interpreter.get_input_details()
        self.outputs = self._interpreter.get_output_details()

    def run(self, inputs: list[dict[str, str]]) -> list[dict[str, str]]:
        """Return the stored outputs for inputs in the order of the file, which has it too."""
        for detail, stored in zip(self.inputs, inputs, strict=True):
            values = np.frombuffer(base64.b64decode(stored["data"]), detail["dtype"])
            self._interpreter.set_tensor(detail["index"], values.reshape(detail["shape"]))
        self._interpreter.invoke()
        outputs = []
        for detail in self.outputs:
            tensor = self._interpreter.get_tensor(detail["index"])
            outputs.append(_listed(detail["name"], tensor))
        return outputs


LOADERS: dict[str, type[OnnxModel] | type[LiteRtModel]] = {
    "onnxruntime": OnnxModel,
    "litert": LiteRtModel,
}


def _listed(name: str, tensor: NDArray[Any]) -> dict[str, str]:
    """Return a tensor [1, ...] as the JVM reads it."""
    return {"name": name, "data": base64.b64encode(tensor.tobytes()).decode()}


def decoded(stored: Any) -> NDArray[Any]:
    """Return a tensor [1, ...] that the JVM wrote."""
    dtype = np.dtype(stored["dtype"])
    content = base64.b64decode(stored["data"])
    values = np.frombuffer(content, dtype.newbyteorder("<"))
    return values.reshape(stored["shape"]).astype(dtype)

"""The Kotlin samples on a JVM: compiled once, asked by lines of JSON, and models run here."""

import base64
import json
import os
import re
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
ANDROID = re.compile(r"^import (?:android|androidx|com\.google\.ai|ai\.onnxruntime)", re.MULTILINE)
Tensors = dict[str, NDArray[Any]]


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
        """Compile the samples that need no Android, and start them.

        Raises:
            AssertionError: they do not compile, or with a warning.
        """
        sources = folder / "sources"
        sources.mkdir()
        for name, content in samples.items():
            if name.endswith(".kt") and not ANDROID.search(content.decode()):
                (sources / name).write_bytes(content)
        for file in HARNESS.glob("*.kt"):
            shutil.copy(file, sources)
        libraries = [COMPILER / "lib" / "kotlinx-coroutines-core-jvm.jar", ORG_JSON]
        compile_path = ":".join(map(str, libraries))
        classes = folder / "classes"
        files = sorted(map(str, sources.iterdir()))
        options = ["-Werror", "-cp", compile_path, "-d", str(classes)]
        command = [str(COMPILER / "bin/kotlinc"), *options]
        done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
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
            if "run" not in reply:
                return reply
            inputs = {name: decoded(tensor) for name, tensor in reply["inputs"].items()}
            outputs = run(Path(reply["run"]), reply["runtime"], inputs)
            listed = {name: output.ravel().tolist() for name, output in outputs.items()}
            self._write({"outputs": listed})

    def _write(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def run(model: Path, runtime: str, inputs: Tensors) -> Tensors:
    """Return the stored outputs of a model by name."""
    if runtime == "onnxruntime":
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], inputs[detail["name"]])
    interpreter.invoke()
    details = interpreter.get_output_details()
    return {detail["name"]: interpreter.get_tensor(detail["index"]) for detail in details}


def decoded(stored: Any) -> NDArray[Any]:
    """Return a tensor [1, ...] that the JVM wrote."""
    dtype = np.dtype(stored["dtype"])
    content = base64.b64decode(stored["data"])
    values = np.frombuffer(content, dtype.newbyteorder("<"))
    return values.reshape(stored["shape"]).astype(dtype)

"""Quantize with Olive, Microsoft's toolkit around ONNX Runtime.

It runs in an environment of its own, because it needs PyTorch, several gigabytes.
Source: https://microsoft.github.io/Olive/features/onnx-transformations.html
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.peers import onnx_runtime
from benchmarks.peers.maker import Built, Maker
from benchmarks.peers.subject import Subject

WHO = "Olive"
SCRIPT = Path(__file__).with_name("olive_quantize.py")
ENVIRONMENT = {
    **os.environ,
    "OLIVE_DISABLE_TELEMETRY": "1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}


class OliveError(Exception):
    """It could not be installed, or did not run; says why."""


def makers(cache: Path) -> list[Maker]:
    """Return its static and its dynamic quantization, after making its environment in a folder.

    Raises:
        OliveError: it does not install.
    """
    python = _environment(cache / "olive")
    ways = {"static": "int8", "dynamic": "dynamic"}
    return [
        Maker(WHO, mode, "onnxruntime", scheme, _builder(python, mode))
        for mode, scheme in ways.items()
    ]


def _environment(folder: Path) -> Path:
    python = folder / "bin" / "python"
    if not python.exists():
        _run([*_tool("venv", [sys.executable, "-m", "venv"]), str(folder)])
    if (
        subprocess.run(
            [python, "-I", "-c", "import olive, requests"], capture_output=True, check=False
        ).returncode
        != 0
    ):
        # Olive 0.13 imports requests and does not say so.
        wanted = ["olive-ai", "requests", f"onnxruntime=={version('onnxruntime')}"]
        pip = [str(python), "-m", "pip", "install", *wanted]
        _run(
            ["uv", "pip", "install", "--python", str(python), *wanted]
            if shutil.which("uv")
            else pip
        )
    return python


def _tool(word: str, otherwise: list[str]) -> list[str]:
    return ["uv", word, "--python", sys.executable] if shutil.which("uv") else otherwise


def _builder(python: Path, mode: str) -> Callable[[Subject], Built]:
    def build(subject: Subject) -> Built:
        with tempfile.TemporaryDirectory() as folder:
            paths = [
                Path(folder) / name for name in ("float.onnx", "examples.npy", "quantized.onnx")
            ]
            paths[0].write_bytes(onnx_runtime.in_float(subject))
            np.save(paths[1], subject.calibration())
            start = time.perf_counter()
            # Isolated: otherwise `import olive` in that process would import this file.
            seconds = float(
                _run([str(python), "-I", str(SCRIPT), mode, *map(str, paths)]).splitlines()[-1]
            )
            files = {onnx_runtime.FILE: paths[2].read_bytes()}
            return Built(files, uncounted=time.perf_counter() - start - seconds)

    return build


def _run(command: list[str]) -> str:
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise OliveError(f"{Path(command[0]).name} ended with code {done.returncode}: {lines[-1]}")
    return done.stdout

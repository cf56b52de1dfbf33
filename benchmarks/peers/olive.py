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

TOOL = "Olive"
SCRIPT = Path(__file__).with_name("olive_quantize.py")
ENVIRONMENT = {
    **os.environ,
    "OLIVE_DISABLE_TELEMETRY": "1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}
SCHEMES = {"static": "int8", "dynamic": "dynamic"}


class OliveError(Exception):
    """Olive could not be installed, or failed; the message gives the reason."""


def makers(cache: Path) -> list[Maker]:
    """Return static and dynamic quantization, after installing Olive below a folder.

    Raises:
        OliveError: it does not install.
    """
    python = _environment(cache / "olive")
    return [
        Maker(TOOL, mode, "onnxruntime", scheme, _builder(python, mode))
        for mode, scheme in SCHEMES.items()
    ]


def _environment(folder: Path) -> Path:
    """Create a virtual environment with Olive if there is none; return its Python."""
    python = folder / "bin" / "python"
    has_uv = shutil.which("uv") is not None
    if not python.exists():
        create = [sys.executable, "-m", "venv"]
        if has_uv:
            create = ["uv", "venv", "--python", sys.executable]
        _run([*create, str(folder)])
    if not _is_installed(python):
        install = [str(python), "-m", "pip", "install"]
        if has_uv:
            install = ["uv", "pip", "install", "--python", str(python)]
        # Olive 0.13 imports requests and does not declare it.
        _run([*install, "olive-ai", "requests", f"onnxruntime=={version('onnxruntime')}"])
    return python


def _is_installed(python: Path) -> bool:
    command = [str(python), "-I", "-c", "import olive, requests"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _builder(python: Path, mode: str) -> Callable[[Subject], Built]:
    def build(subject: Subject) -> Built:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            source = folder / "float.onnx"
            samples = folder / "samples.npy"
            destination = folder / "quantized.onnx"
            source.write_bytes(onnx_runtime.float_file(subject))
            np.save(samples, subject.calibration_samples())
            start = time.perf_counter()
            # Isolated: otherwise `import olive` in that process would import this file.
            script = [str(python), "-I", str(SCRIPT), mode]
            output = _run([*script, str(source), str(samples), str(destination)])
            seconds = float(output.splitlines()[-1])
            files = {onnx_runtime.FILE: destination.read_bytes()}
            return Built(files, uncounted=time.perf_counter() - start - seconds)

    return build


def _run(command: list[str]) -> str:
    """Run a command and return its standard output."""
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise OliveError(f"{Path(command[0]).name} ended with code {done.returncode}: {lines[-1]}")
    return done.stdout

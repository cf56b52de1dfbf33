"""Models that somebody else trained: a file or folder in, a model with the ends that the contract says out.

A module per format. Which one reads a file is told by its suffix; the planner asks, so no numpy here.
"""

from pathlib import Path

from edgebake.errors import ModelError

SUFFIXES = {
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
    ".onnx": "onnx",
    ".tflite": "tflite",
}
SAVED_MODEL = "saved_model.pb"
KEY = "model.imported.file"
EXPECTED = ".keras, .h5, .hdf5, .onnx, .tflite or the folder of a SavedModel"
PYTORCH = (
    "a PyTorch file is a pickle, and reading it runs code; export it to ONNX: torch.onnx.export"
)
PICKLE = "a pickle runs code when it is read; save the model with model.save('model.keras')"
WEIGHTS = "it holds weights without the model they belong to"
MENDS = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".bin"), PYTORCH),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), PICKLE),
    ".pb": "a graph alone has no named ends; name the folder that holds saved_model.pb and variables/",
    ".safetensors": f"{WEIGHTS}; export the whole model to ONNX: torch.onnx.export",
    ".npz": f"{WEIGHTS}; save the whole model with model.save('model.keras')",
    ".json": "it holds a model without its weights; save the whole model with model.save('model.keras')",
    **dict.fromkeys(
        (".mlmodel", ".mlpackage"),
        "Core ML is what edgebake writes; bring the model that it was converted from",
    ),
    ".ort": "ORT format is what edgebake writes; bring the ONNX file that it was made from",
    ".dvc": "it is DVC's note of a file; name the file itself, after `dvc pull`",
}


def format_of(file: str) -> str:
    """Return the format of a brought model: `keras`, `onnx` or `tflite`.

    Raises:
        ModelError: there is no such file, or its suffix is that of no format that can be read.
    """
    path = Path(file)
    suffix = path.suffix.lower()
    if suffix in MENDS:
        raise ModelError(
            f"{file}: {KEY} cannot be a {suffix} file: {MENDS[suffix]}; expected {EXPECTED}"
        )
    if not path.exists() and path.with_name(f"{path.name}.dvc").exists():
        return SUFFIXES.get(suffix, "keras")  # DVC has not fetched it yet
    if not path.exists():
        raise ModelError(f"{file}: no such file; expected {KEY} to name {EXPECTED}")
    if (path / SAVED_MODEL).is_file():
        return "keras"
    if path.is_dir():
        raise ModelError(
            f"{file}: a folder without {SAVED_MODEL}; expected {KEY} to name {EXPECTED}"
        )
    if suffix not in SUFFIXES:
        raise ModelError(f"{file}: {KEY} has the unknown suffix {suffix!r}; expected {EXPECTED}")
    return SUFFIXES[suffix]

"""Importers of trained models, one module per format; the suffix of a file decides which one.

The planner imports this package to check recipes, so it imports no NumPy and no framework.
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
# The library that runs a model of a format.
LIBRARIES = {"keras": "TensorFlow", "onnx": "ONNX Runtime", "tflite": "LiteRT"}
SAVED_MODEL = "saved_model.pb"
KEY = "model.imported.file"
EXPECTED = ".keras, .h5, .hdf5, .onnx, .tflite or the folder of a SavedModel"

PYTORCH = (
    "a PyTorch file is a pickle, and reading it runs code; export it to ONNX: torch.onnx.export"
)
PICKLE = "a pickle runs code when it is read; save the model with model.save('model.keras')"
COREML = "edgebake writes Core ML and does not read it; import the model that it was converted from"
WEIGHTS = "it holds weights without the model they belong to"
# Files that are often mistaken for a model, by suffix: why they are refused, and what to import.
REFUSED = {
    ".pt": PYTORCH,
    ".pth": PYTORCH,
    ".ckpt": PYTORCH,
    ".bin": PYTORCH,
    ".pkl": PICKLE,
    ".pickle": PICKLE,
    ".joblib": PICKLE,
    ".pb": (
        "a frozen graph does not name its input and output; "
        "name the folder that holds saved_model.pb and variables/"
    ),
    ".safetensors": f"{WEIGHTS}; export the whole model to ONNX: torch.onnx.export",
    ".npz": f"{WEIGHTS}; save the whole model with model.save('model.keras')",
    ".json": (
        "it holds a model without its weights; save the whole model with model.save('model.keras')"
    ),
    ".mlmodel": COREML,
    ".mlpackage": COREML,
    ".ort": (
        "edgebake writes ORT format and does not read it; "
        "import the ONNX file that it was converted from"
    ),
    ".dvc": "it is DVC's pointer to a file; name the file itself, after `dvc pull`",
}


def format_of(file: str) -> str:
    """Return the format of a model file: `keras`, `onnx` or `tflite`.

    A file that DVC has not fetched yet is classified by its suffix alone.

    Raises:
        ModelError: the file does not exist, or its suffix is not that of a supported format.
    """
    path = Path(file)
    suffix = path.suffix.lower()
    if suffix in REFUSED:
        raise ModelError(
            f"{file}: {KEY} cannot be a {suffix} file: {REFUSED[suffix]}; expected {EXPECTED}"
        )
    if not path.exists():
        if path.with_name(f"{path.name}.dvc").exists():
            return SUFFIXES.get(suffix, "keras")  # without a known suffix: a SavedModel
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

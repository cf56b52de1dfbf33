"""Keys and folders for the tests of proofs."""

from pathlib import Path

from edgebake.artifacts import write_files
from edgebake.bundle.trust import keys

FILES = {"manifest.json": b"{}", "models/a.tflite": b"\x00\x01", "models/a.labels.txt": b"0\n1\n"}


def bundle(folder: Path) -> Path:
    """Lay out a folder like a bundle."""
    write_files(folder, FILES)
    return folder


def key(folder: Path, name: str = "release") -> tuple[Path, Path]:
    """Make a key and return where its halves are."""
    folder.mkdir(exist_ok=True)
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    keys.generate(private, public)
    return private, public


def signer(private: Path, public: Path) -> keys.Signer:
    return keys.load_signer(f"file:{private}", public)

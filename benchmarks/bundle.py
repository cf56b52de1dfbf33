"""Measure the size of each part of a bundle, and the time to create and to verify it.

    python -m benchmarks.bundle [--platform linux] [--repeats 5]

Run it in a project whose release is built. It writes nothing there. Times are medians without the
first call, which also loads libraries and has its own column. A signing key and an encryption key
are generated for the run.
"""

import argparse
import io
import json
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from edgebake import artifacts
from edgebake.bundle import (
    archive,
    assemble,
    components,
    license_policy,
    licenses,
    manifest,
    model_card,
    samples,
    sbom,
)
from edgebake.bundle.trust import (
    decryption,
    encryption,
    keys,
    safe_extract,
    signature,
    verification,
)
from edgebake.cli import keygen
from edgebake.evaluation.gates.judge import judge
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import PackageParams

Part = tuple[str, int | None, Callable[[], object] | None]  # none: made in the part below


def main() -> None:
    """Measure the parts of one platform's bundle and print them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--platform", default="linux")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    table = Table("part", "bytes", "first ms", "median ms")
    with tempfile.TemporaryDirectory() as folder:
        for name, size, run in [*_made(asked.platform), *_proven(asked.platform, Path(folder))]:
            times = [f"{found:.1f}" for found in _times(run, asked.repeats)] if run else ["-", "-"]
            table.add_row(name, "-" if size is None else f"{size:,}", *times)
    Console().print(table)


def _times(run: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return the milliseconds of the first call, and the median of further ones."""
    found = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        found.append((time.perf_counter() - start) * 1000)
    return found[0], median(found[1:])


def _made(platform: str) -> list[Part]:
    """Return what package makes."""
    section: PackageParams = stage_params.read("package", platform)
    source = json.loads((artifacts.ROOT / "revision" / f"{platform}.json").read_text())
    folder = artifacts.folder("package", platform)
    files = artifacts.read_files(folder)
    content = json.loads(files[manifest.FILE])
    found = {name: judge(target, platform) for name, target in section.targets.items()}
    entries = {
        name: manifest.package_target(section.targets[name], judged)
        for name, judged in found.items()
    }
    judged = license_policy.apply_policy(
        components.list_components(section, content["targets"].values()), section.licenses
    )
    models = {path: data for entry in entries.values() for path, data in entry.files.items()}
    sample = samples.render(content, files)
    return [
        (
            "gates, decided",
            None,
            lambda: [judge(one, platform) for one in section.targets.values()],
        ),
        ("models and labels", _size(files, "models/"), None),
        (
            "golden vectors",
            _size(files, "golden/"),
            lambda: [_entry(section, name, found) for name in found],
        ),
        ("licenses", _size(files, "LICENSES/"), lambda: licenses.texts(judged)),
        (
            "NOTICE",
            len(files[assemble.NOTICE]),
            lambda: licenses.render_notice(section.about, judged),
        ),
        ("SBOM", len(files[sbom.FILE]), lambda: sbom.render(content, section, judged, models)),
        (
            "model card",
            len(files[assemble.MODEL_CARD]),
            lambda: model_card.render(content, section),
        ),
        (
            "all files",
            sum(map(len, files.values())),
            lambda: assemble.assemble(section, platform, entries, source),
        ),
        (
            "zip",
            folder.with_name(f"{platform}.zip").stat().st_size,
            lambda: archive.zip_folder(folder),
        ),
        (
            "samples, beside it",
            sum(map(len, sample.values())),
            lambda: samples.render(content, files),
        ),
    ]


def _entry(section: PackageParams, name: str, found: dict[str, Any]) -> manifest.PackagedTarget:
    return manifest.package_target(section.targets[name], found[name])


def _size(files: dict[str, bytes], below: str) -> int:
    return sum(len(data) for path, data in files.items() if path.startswith(below))


def _proven(platform: str, scratch: Path) -> list[Part]:
    """Return what sign makes and verify asks."""
    folder = artifacts.folder("package", platform)
    content = verification.read_manifest(folder)
    private = scratch / "key.pem"
    keygen.keygen(private, encryption=False)
    public, sig = keygen.public_half(private), scratch / "model.sig"
    signer = keys.load_signer(f"file:{private}", public)
    signature.sign(folder, sig, signer)
    data, key = (
        max(artifacts.read_files(folder / "models").values(), key=len),
        secrets.token_bytes(32),
    )
    sealed = encryption.encrypt(data, key, b"")
    return [
        ("signature", sig.stat().st_size, lambda: signature.sign(folder, sig, signer)),
        ("largest model, encrypted", len(sealed), lambda: encryption.encrypt(data, key, b"")),
        (
            "the same, decrypted",
            len(data),
            lambda: decryption.decrypt(io.BytesIO(sealed), io.BytesIO(), key, b""),
        ),
        ("verify: unpack", None, lambda: _opened(folder.with_name(f"{platform}.zip"))),
        ("verify: manifest", None, lambda: verification.read_manifest(folder)),
        ("verify: files", None, lambda: verification.check_files(folder, content)),
        ("verify: SBOM", None, lambda: verification.check_sbom(folder, content)),
        ("verify: signature", None, lambda: signature.verify(folder, sig, public)),
    ]


def _opened(bundle: Path) -> None:
    with safe_extract.open_bundle(bundle):
        pass


if __name__ == "__main__":
    main()

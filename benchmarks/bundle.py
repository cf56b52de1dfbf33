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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

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
    target_entry,
)
from edgebake.bundle.trust import (
    decryption,
    encryption,
    keys,
    manifest_check,
    safe_extract,
    signature,
    verification,
)
from edgebake.cli import keygen
from edgebake.evaluation.gates.judge import Judgment, judge
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import PackageParams


@dataclass(frozen=True)
class Row:
    """One part of a bundle, or one step of creating or verifying it."""

    name: str
    size: int | None = None  # in bytes
    run: Callable[[], object] | None = None  # None: timed as part of the next row


def main() -> None:
    """Measure the parts of one platform's bundle and print them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--platform", default="linux")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    table = Table("part", "bytes", "first ms", "median ms")
    with tempfile.TemporaryDirectory() as temporary:
        rows = _package_rows(arguments.platform)
        rows += _trust_rows(arguments.platform, Path(temporary))
        for row in rows:
            table.add_row(row.name, *_cells(row, arguments.repeats))
    Console().print(table)


def _cells(row: Row, repeats: int) -> tuple[str, str, str]:
    """Return the size, the time of the first call and the median of further calls."""
    size = "-"
    if row.size is not None:
        size = f"{row.size:,}"
    if row.run is None:
        return size, "-", "-"
    milliseconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        row.run()
        milliseconds.append((time.perf_counter() - start) * 1000)
    first, *further = milliseconds
    return size, f"{first:.1f}", f"{median(further):.1f}"


def _package_rows(platform: str) -> list[Row]:
    """Return the parts that the stage `package` creates."""
    params: PackageParams = stage_params.read("package", platform)
    source = json.loads((artifacts.ROOT / "revision" / f"{platform}.json").read_text())
    folder = artifacts.folder("package", platform)
    files = artifacts.read_files(folder)
    bundle_manifest = json.loads(files[manifest.FILE])
    judgments = _judge_targets(params, platform)
    packaged = target_entry.package_targets(params.targets, judgments)
    models: dict[str, bytes] = {}
    for target in packaged.values():
        models |= target.files
    listed = components.list_components(params, bundle_manifest["targets"].values())
    licensed = license_policy.apply_policy(listed, params.licenses)
    sample = samples.render(bundle_manifest, files)
    archive_size = folder.with_name(f"{platform}.zip").stat().st_size
    decide_gates = partial(_judge_targets, params, platform)
    write_golden = partial(target_entry.package_targets, params.targets, judgments)
    write_licenses = partial(licenses.texts, licensed)
    write_notice = partial(licenses.render_notice, params.about, licensed)
    write_sbom = partial(sbom.render, bundle_manifest, params, licensed, models)
    untested = {name: target.untested_classes for name, target in packaged.items()}
    write_card = partial(model_card.render, bundle_manifest, params, untested)
    write_all = partial(assemble.assemble, params, platform, packaged, source)
    write_samples = partial(samples.render, bundle_manifest, files)
    return [
        Row("gates, decided", None, decide_gates),
        Row("models and labels", _size(files, "models/")),
        Row("golden vectors", _size(files, "golden/"), write_golden),
        Row("licenses", _size(files, "LICENSES/"), write_licenses),
        Row("NOTICE", len(files[assemble.NOTICE]), write_notice),
        Row("SBOM", len(files[sbom.FILE]), write_sbom),
        Row("model card", len(files[assemble.MODEL_CARD]), write_card),
        Row("all files", sum(map(len, files.values())), write_all),
        Row("zip", archive_size, partial(archive.zip_folder, folder)),
        Row("samples, outside the zip", sum(map(len, sample.values())), write_samples),
    ]


def _judge_targets(params: PackageParams, platform: str) -> dict[str, Judgment]:
    return {name: judge(target, platform) for name, target in params.targets.items()}


def _size(files: dict[str, bytes], folder: str) -> int:
    """Return the bytes of the files below a folder."""
    return sum(len(data) for path, data in files.items() if path.startswith(folder))


def _trust_rows(platform: str, scratch: Path) -> list[Row]:
    """Return what signing, encryption and `edgebake verify` do."""
    folder = artifacts.folder("package", platform)
    bundle_manifest = manifest_check.read_manifest(folder)
    private_key = scratch / "key.pem"
    keygen.keygen(private_key, encryption=False)
    public_key = keygen.public_half(private_key)
    signer = keys.load_signer(f"file:{private_key}", public_key)
    signature_file = scratch / "model.sig"
    signature.sign(folder, signature_file, signer)
    model = max(artifacts.read_files(folder / "models").values(), key=len)
    key = secrets.token_bytes(32)
    encrypted = encryption.encrypt(model, key, b"")

    def decrypt() -> None:
        decryption.decrypt(io.BytesIO(encrypted), io.BytesIO(), key, b"")

    def unpack() -> None:
        archive = folder.with_name(f"{platform}.zip")
        with safe_extract.open_bundle(archive, lambda _: None) as extracted:
            safe_extract.check_archive(archive, extracted)

    sign = partial(signature.sign, folder, signature_file, signer)
    encrypt = partial(encryption.encrypt, model, key, b"")
    check_files = partial(verification.check_files, folder, bundle_manifest)
    check_sbom = partial(verification.check_sbom, folder, bundle_manifest)
    check_signature = partial(signature.verify, folder, signature_file, public_key)
    return [
        Row("signature", signature_file.stat().st_size, sign),
        Row("largest model, encrypted", len(encrypted), encrypt),
        Row("the same, decrypted", len(model), decrypt),
        Row("verify: unpack", None, unpack),
        Row("verify: manifest", None, partial(manifest_check.read_manifest, folder)),
        Row("verify: files", None, check_files),
        Row("verify: SBOM", None, check_sbom),
        Row("verify: signature", None, check_signature),
    ]


if __name__ == "__main__":
    main()

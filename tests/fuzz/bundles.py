"""Parsers of what `edgebake verify` reads: archives, manifests, SBOMs, provenance, signatures."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgebake.bundle import manifest
from edgebake.bundle.trust import (
    golden_check,
    manifest_check,
    provenance,
    safe_extract,
    sbom_check,
    signature,
)
from edgebake.documents import strict_json
from edgebake.errors import ProofError
from tests.fuzz import mutations
from tests.fuzz.target import Target, file_parser

KEPT = Path(__file__).parents[1] / "bundles"
BUNDLES = KEPT / "v1"
SIGNALS = KEPT / "v2" / "linux.zip"  # of other inputs than images, too
SIGNAL_TARGET = "kept_gestures_linux_any"
KEY = BUNDLES / "release.pub.pem"


def _entry(name: str) -> Callable[[], list[bytes]]:
    def seeds() -> list[bytes]:
        with zipfile.ZipFile(BUNDLES / "linux.zip") as archive:
            return [archive.read(name)]

    return seeds


def _second_form_manifest() -> list[bytes]:
    with zipfile.ZipFile(SIGNALS) as archive:
        return [archive.read(manifest.FILE)]


def _signal_target() -> Any:
    (content,) = _second_form_manifest()
    return json.loads(content)["targets"][SIGNAL_TARGET]


def _signal_vectors() -> list[bytes]:
    with zipfile.ZipFile(SIGNALS) as archive:
        return [archive.read(_signal_target()["golden"])]


def _check_vectors(data: bytes, _: Path) -> None:
    vectors = strict_json.parse(data, golden_check.MAX_BYTES)
    forms = list(golden_check.FORMS)
    for problem in golden_check.find_problems(vectors, _signal_target(), forms):
        raise ProofError(problem)


def _proof(name: str) -> Callable[[], list[bytes]]:
    return lambda: [(BUNDLES / "linux.proof" / name).read_bytes()]


def _small_archive() -> list[bytes]:
    """An archive of the small files of a bundle."""
    import io

    stream = io.BytesIO()
    with zipfile.ZipFile(BUNDLES / "linux.zip") as source, zipfile.ZipFile(stream, "w") as file:
        for info in source.infolist()[:6]:
            file.writestr(info, source.read(info)[:2000])
    return [stream.getvalue()]


def _extract(path: Path) -> None:
    with safe_extract.open_bundle(path, lambda _: None):
        pass


TARGETS = [
    Target(
        "strict json",
        lambda: [b'{"a": [1, 2.5, null, true, "x"], "b": {"c": {}}}'],
        lambda data, _: strict_json.parse(data, 1 << 20),
        refusals=(strict_json.StrictJsonError,),
        mutate=mutations.change_text,
    ),
    Target(
        "bundle manifest",
        _entry(manifest.FILE),
        file_parser(manifest.FILE, lambda file: manifest_check.read_manifest(file.parent)),
        mutate=mutations.change_json,
    ),
    Target(
        "bundle manifest of any inputs",
        _second_form_manifest,
        file_parser(manifest.FILE, lambda file: manifest_check.read_manifest(file.parent)),
        mutate=mutations.change_json,
    ),
    Target(
        "golden vectors",
        _signal_vectors,
        _check_vectors,
        refusals=(strict_json.StrictJsonError, ProofError),
        mutate=mutations.change_json,
    ),
    Target(
        "bundle sbom",
        _entry("sbom.cdx.json"),
        lambda data, _: sbom_check.find_problems(data, {}),
        mutate=mutations.change_json,
    ),
    Target("bundle archive", _small_archive, file_parser("linux.zip", _extract)),
    Target(
        "provenance",
        _proof("provenance.json"),
        lambda data, _: provenance.unseal(data, None),
        mutate=mutations.change_json,
    ),
    Target(
        "signature",
        _proof("model.sig"),
        file_parser("model.sig", lambda file: signature.read(file, KEY)),
        mutate=mutations.change_json,
    ),
]

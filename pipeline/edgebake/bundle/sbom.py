"""The SBOM of a bundle: CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json) with a model card.

It has no timestamp, and its serial number is derived from the files, so the same bundle has the
same SBOM. The CycloneDX library has no classes for model cards and drops them on reading, so the
model card is added to the JSON that the library wrote.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from edgebake import artifacts
from edgebake.bundle.components import Component, architecture
from edgebake.bundle.license_policy import LicensedComponent, parse
from edgebake.bundle.manifest_types import JsonObject, ManifestBody, TargetEntry, TensorEntry
from edgebake.bundle.tensors_of import inputs_of, outputs_of
from edgebake.recipe.stage_params import PackageParams

if TYPE_CHECKING:
    from cyclonedx.model import component as cyclonedx
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.license import License

FILE = "sbom.cdx.json"
MODELS = "models/"  # the folder of the files that the SBOM lists


def render(
    body: ManifestBody,
    section: PackageParams,
    licensed: Sequence[LicensedComponent],
    files: Mapping[str, bytes],
) -> bytes:
    """Return the text of sbom.cdx.json.

    Args:
        body: the manifest without its files.
        section: parameters of package for the platform.
        licensed: the bundle's components; the release is the only one of kind `model`.
        files: of the targets, by path, as they ship; those in models/ are listed.
    """
    from cyclonedx.output.json import JsonV1Dot6  # a second, and only package and verify need it

    components = [component for component, _ in licensed]
    bom = _build_bom(body, components, files)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    metadata = document["metadata"]
    del metadata["timestamp"]
    release = metadata["component"]
    release["modelCard"] = _model_card(body, section, components)
    text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    return text.encode()


def _build_bom(
    body: ManifestBody, components: Sequence[Component], files: Mapping[str, bytes]
) -> "Bom":
    from cyclonedx.model.bom import Bom

    bom = Bom(serial_number=_serial_number(body, files))
    model = _model_component(body, components, files)
    dependencies = []
    for reference, component in _by_reference(components).items():
        dependencies.append(_dependency(reference, component))
    bom.metadata.component = model
    bom.components.update(dependencies)
    bom.register_dependency(model, dependencies)
    return bom


def _serial_number(body: ManifestBody, files: Mapping[str, bytes]) -> uuid.UUID:
    identity = [body["name"], body["version"], body["platform"]]
    for path, data in sorted(files.items()):
        digest = artifacts.sha256(data)
        identity.append(f"{digest}  {path}")
    return uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(identity))


def _by_reference(components: Sequence[Component]) -> dict[str, Component]:
    """Return the components other than the release by a unique reference, such as data:1."""
    by_reference = {}
    for index, component in enumerate(components):
        if component.kind != "model":
            by_reference[f"{component.kind}:{index}"] = component
    return by_reference


def _model_component(
    body: ManifestBody, components: Sequence[Component], files: Mapping[str, bytes]
) -> "cyclonedx.Component":
    """Describe the release, with the files in models/ as its parts."""
    from cyclonedx.model import Property
    from cyclonedx.model import component as cyclonedx

    release = next(component for component in components if component.kind == "model")
    platform = Property(name="edgebake:platform", value=body["platform"])
    commit = Property(name="edgebake:git_commit", value=body["source"]["git_commit"])
    model_files = []
    for path, data in files.items():
        if path.startswith(MODELS):
            model_files.append(_file(path, data))
    return cyclonedx.Component(
        name=release.name,
        version=release.version,
        type=cyclonedx.ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        description=body["description"],
        licenses=[_license(release.license)],
        properties=[platform, commit],
        components=model_files,
    )


def _file(path: str, data: bytes) -> "cyclonedx.Component":
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model import component as cyclonedx

    digest = HashType(alg=HashAlgorithm.SHA_256, content=artifacts.sha256(data))
    return cyclonedx.Component(
        name=path, type=cyclonedx.ComponentType.FILE, bom_ref=f"file:{path}", hashes=[digest]
    )


def _dependency(reference: str, component: Component) -> "cyclonedx.Component":
    """Describe data, weights or code that the release depends on."""
    from cyclonedx.model import Property
    from cyclonedx.model import component as cyclonedx
    from packageurl import PackageURL

    types = {
        "data": cyclonedx.ComponentType.DATA,
        "weights": cyclonedx.ComponentType.MACHINE_LEARNING_MODEL,
        "code": cyclonedx.ComponentType.LIBRARY,
    }
    purl = None
    if component.purl:
        purl = PackageURL.from_string(component.purl)
    source = Property(name="edgebake:source", value=component.source)
    return cyclonedx.Component(
        name=component.name,
        version=component.version or None,
        type=types[component.kind],
        bom_ref=reference,
        purl=purl,
        licenses=[_license(component.license)],
        properties=[source],
    )


def _license(expression: str) -> "License":
    """Return a single license by its SPDX identifier, all else as an expression."""
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression

    normalized = str(parse(expression))
    if " " in normalized or normalized.startswith("LicenseRef-"):
        return LicenseExpression(normalized)
    return DisjunctiveLicense(id=normalized)


def _model_card(
    body: ManifestBody, section: PackageParams, components: Sequence[Component]
) -> JsonObject:
    targets = body["targets"].values()
    tasks = sorted({target["task"] for target in targets})
    architectures = sorted({architecture(target) for target in section.targets.values()})
    datasets = []
    for reference, component in _by_reference(components).items():
        if component.kind == "data":
            datasets.append({"ref": reference})
    metrics = list(_performance_metrics(body))
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},  # the only kind that edgebake trains
            "task": ", ".join(tasks),
            "architectureFamily": ", ".join(architectures),
            "datasets": datasets,
            "inputs": _tensor_formats(_input_tensors(targets)),
            "outputs": _tensor_formats(chain.from_iterable(map(outputs_of, targets))),
        },
        "quantitativeAnalysis": {"performanceMetrics": metrics},
        "considerations": {
            "useCases": list(section.card.intended_use),
            "technicalLimitations": list(section.card.limits),
        },
    }


def _input_tensors(targets: Iterable[TargetEntry]) -> Iterator[TensorEntry]:
    for target in targets:
        for entry in inputs_of(target):
            yield entry["tensor"]


def _tensor_formats(tensors: Iterable[TensorEntry]) -> list[dict[str, str]]:
    formats = set()
    for tensor in tensors:
        formats.add(f"{tensor['dtype']} {tensor['shape']} {tensor['layout']}")
    return [{"format": text} for text in sorted(formats)]


def _performance_metrics(body: ManifestBody) -> Iterator[JsonObject]:
    """Yield every measured number of every target, in fallback order.

    A value is in the unit that the metric's name ends in; others are shares or counts.
    """
    for name in body["chain"]:
        target = body["targets"][name]
        for metric, measurement in target["metrics"].items():
            if measurement["value"] is not None:
                yield {
                    "type": metric,
                    "value": str(measurement["value"]),
                    "slice": f"{name}, {target['runtime']}, {measurement['where']}",
                    **_confidence_interval(measurement.get("interval")),
                }


def _confidence_interval(bounds: list[float] | None) -> JsonObject:
    """Return the 95 % confidence interval; nothing for an exact number."""
    if bounds is None:
        return {}
    lower, upper = bounds
    interval = {"lowerBound": str(lower), "upperBound": str(upper)}
    return {"confidenceInterval": interval}

"""The bill of materials of a bundle: CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json) with a model card.

It says nothing of when it was made and takes its serial number from what it lists, so that the same bundle has the same
one. The library knows no model cards and drops them when it reads one, so they are put into the text that it wrote.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebake import artifacts
from edgebake.bundle import components as bundle_components
from edgebake.bundle.components import architecture
from edgebake.bundle.licenses import LicensedComponent, parse
from edgebake.recipe.stage_params import PackageParams

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License

FILE = "sbom.cdx.json"
MODELS = "models/"  # all that an app needs to run a model: files and labels
SHOWN = 200  # characters of a complaint of the schema, which may quote the whole text


def render(
    content: Mapping[str, Any],
    section: PackageParams,
    judged: Sequence[LicensedComponent],
    files: Mapping[str, bytes],
) -> bytes:
    """Return the text of sbom.cdx.json.

    Args:
        content: the manifest, less its files.
        section: what package reads.
        judged: the ingredients; the release itself is the only one of kind `model`.
        files: of the bundle by path, as they ship; those in models/ are listed.
    """
    from cyclonedx.output.json import JsonV1Dot6  # a second, and only package and verify need it

    ingredients = [one for one, _ in judged]
    document = json.loads(JsonV1Dot6(_bom(content, ingredients, files)).output_as_string())
    del document["metadata"]["timestamp"]
    document["metadata"]["component"]["modelCard"] = _card(content, section, ingredients)
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def _bom(
    content: Mapping[str, Any],
    ingredients: Sequence[bundle_components.Component],
    files: Mapping[str, bytes],
) -> Any:
    from cyclonedx.model.bom import Bom

    bom = Bom(serial_number=_serial(content, files))
    model = bom.metadata.component = _model(content, ingredients, files)
    parts = [_part(ref, one) for ref, one in _refs(ingredients).items()]
    bom.components.update(parts)
    bom.register_dependency(model, parts)
    return bom


def _serial(content: Mapping[str, Any], files: Mapping[str, bytes]) -> uuid.UUID:
    digests = [f"{artifacts.sha256(data)}  {path}" for path, data in sorted(files.items())]
    return uuid.uuid5(
        uuid.NAMESPACE_URL,
        "\n".join([*(content[w] for w in ("name", "version", "platform")), *digests]),
    )


def _refs(
    ingredients: Sequence[bundle_components.Component],
) -> dict[str, bundle_components.Component]:
    """Return what others made by a name that no two of them share: data:1."""
    return {
        f"{one.kind}:{number}": one for number, one in enumerate(ingredients) if one.kind != "model"
    }


def _model(
    content: Mapping[str, Any],
    ingredients: Sequence[bundle_components.Component],
    files: Mapping[str, bytes],
) -> "Component":
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType

    release = next(one for one in ingredients if one.kind == "model")
    said = {"platform": content["platform"], "git_commit": content["source"]["git_commit"]}
    return Component(
        name=release.name,
        version=release.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        description=content["description"],
        licenses=[_license(release.license)],
        properties=[Property(name=f"edgebake:{word}", value=value) for word, value in said.items()],
        components=[_file(path, data) for path, data in files.items() if path.startswith(MODELS)],
    )


def _file(path: str, data: bytes) -> "Component":
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType

    digest = HashType(alg=HashAlgorithm.SHA_256, content=artifacts.sha256(data))
    return Component(name=path, type=ComponentType.FILE, bom_ref=f"file:{path}", hashes=[digest])


def _part(ref: str, one: bundle_components.Component) -> "Component":
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    types = {
        "data": ComponentType.DATA,
        "weights": ComponentType.MACHINE_LEARNING_MODEL,
        "code": ComponentType.LIBRARY,
    }
    return Component(
        name=one.name,
        version=one.version or None,
        type=types[one.kind],
        bom_ref=ref,
        purl=PackageURL.from_string(one.purl) if one.purl else None,
        licenses=[_license(one.license)],
        properties=[Property(name="edgebake:source", value=one.source)],
    )


def _license(expression: str) -> "License":
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression

    normal = str(parse(expression))
    is_listed = " " not in normal and not normal.startswith("LicenseRef-")
    return DisjunctiveLicense(id=normal) if is_listed else LicenseExpression(normal)


def _card(
    content: Mapping[str, Any],
    section: PackageParams,
    ingredients: Sequence[bundle_components.Component],
) -> dict[str, Any]:
    targets = content["targets"]
    families = sorted({architecture(target) for target in section.targets.values()})
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},  # all that edgebake trains
            "task": ", ".join(sorted({target["task"] for target in targets.values()})),
            "architectureFamily": ", ".join(families),
            "datasets": [
                {"ref": ref} for ref, one in _refs(ingredients).items() if one.kind == "data"
            ],
            "inputs": _tensors(targets, "input"),
            "outputs": _tensors(targets, "output"),
        },
        "quantitativeAnalysis": {"performanceMetrics": list(_metrics(content))},
        "considerations": {
            "useCases": list(section.card.intended_use),
            "technicalLimitations": list(section.card.limits),
        },
    }


def _tensors(targets: Mapping[str, Any], side: str) -> list[dict[str, str]]:
    tensors = [target[side] for target in targets.values()]
    return [
        {"format": text}
        for text in sorted({f"{one['dtype']} {one['shape']} {one['layout']}" for one in tensors})
    ]


def _metrics(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every number of every target, in the order in which an app tries them; what has none is left out."""
    for name in content["chain"]:
        target = content["targets"][name]
        for metric, found in target["metrics"].items():
            if found["value"] is not None:
                yield {
                    "type": metric,
                    "value": str(
                        found["value"]
                    ),  # in the unit that the metric's name ends in; a share or a count else
                    "slice": f"{name}, {target['runtime']}, {found['where']}",
                    **_interval(found.get("interval")),
                }


def _interval(ends: list[float] | None) -> dict[str, Any]:
    """Return 95 %, two-sided; nothing where nothing was sampled."""
    if ends is None:
        return {}
    return {"confidenceInterval": {"lowerBound": str(ends[0]), "upperBound": str(ends[1])}}


def component_licenses(text: bytes) -> set[tuple[str, str]]:
    """Return the name and license of the model and of all that it is made from, of a bill that `check` found sound."""
    components = [one for one in _components(json.loads(text)) if one["type"] != "file"]
    return {
        (one["name"], _term(license_))
        for one in components
        for license_ in one.get("licenses", [{}])
    }


def _term(license_: Mapping[str, Any]) -> str:
    named = license_.get("license", {})
    return str(license_.get("expression") or named.get("id") or named.get("name"))


def find_problems(text: bytes, digests: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a bill of materials; it may be anybody's.

    Args:
        text: of sbom.cdx.json.
        digests: sha256 of each file of the bundle by path, as it ships.
    """
    wrong = _against_schema(text)
    if wrong:
        return [wrong]
    document = json.loads(text)
    components = list(_components(document))
    return [*_dangling(components), *_not_spdx(components), *_other_files(components, digests)]


def _against_schema(text: bytes) -> str:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    try:
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.decode())
    except (ValueError, RecursionError) as trouble:
        return f"not JSON that can be read: {trouble}"
    if error is None:
        # The schema takes any word here.
        version = json.loads(text)["specVersion"]
        return "" if version == "1.6" else f"not CycloneDX 1.6: specVersion is {version!r}"
    return f"not CycloneDX 1.6: {str(error).splitlines()[0][:SHOWN]}"


def _components(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = (
        [document["metadata"]["component"]] if "component" in document.get("metadata", {}) else []
    )
    waiting += document.get("components", [])
    while waiting:
        component = waiting.pop(0)
        yield component
        waiting += component.get("components", [])


def _dangling(components: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    known = {one["bom-ref"] for one in components if "bom-ref" in one}
    for component in components:
        for dataset in (
            component.get("modelCard", {}).get("modelParameters", {}).get("datasets", [])
        ):
            if "ref" in dataset and dataset["ref"] not in known:
                yield f"modelCard of {component['name']!r}: no component {dataset['ref']!r}, a data set of it"


def _not_spdx(components: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what the schema takes for an expression because it is text."""
    for component in components:
        for license_ in component.get("licenses", []):
            try:
                parse(license_.get("expression", "MIT"))
            except ValueError as error:
                yield f"component {component['name']!r}: license {license_['expression']!r}: {error}"


def _other_files(
    components: Sequence[Mapping[str, Any]], digests: Mapping[str, str]
) -> Iterator[str]:
    """Yield where the files that are listed and those that lie there differ."""
    listed = [(one["name"], one.get("hashes", [])) for one in components if one["type"] == "file"]
    for path, hashes in listed:
        found = {one["content"].lower() for one in hashes if one["alg"] == "SHA-256"}
        if path not in digests:
            yield f"file {path!r}: not in the bundle"
        elif found != {digests[path]}:
            yield f"file {path!r}: its SHA-256 is not that of the file in the bundle"
    for path in sorted(digests.keys() - {path for path, _ in listed}):
        if path.startswith(MODELS):
            yield f"file {path!r}: in the bundle, and not listed"

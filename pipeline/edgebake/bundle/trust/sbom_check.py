"""Check the SBOM of an untrusted bundle against the schema of CycloneDX and the bundle's files."""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from edgebake.bundle.license_policy import parse
from edgebake.bundle.manifest_types import JsonObject
from edgebake.bundle.sbom import MODELS
from edgebake.documents import json_schema_library, strict_json
from edgebake.documents.strict_json import StrictJsonError
from edgebake.terminal.printable import printable

MESSAGE_LENGTH = 200  # characters of an error of the schema, which may quote the whole document
MAX_BYTES = 4 << 20
# Entries of a list, and JSON objects in all: the schema's validation compares each entry of a list
# with all others, which takes a second for 500 of them.
MAX_ENTRIES = 500
MAX_OBJECTS = 5_000


def component_licenses(text: bytes) -> set[tuple[str, str]]:
    """Return the name and license of every component, files excepted.

    Args:
        text: an SBOM without problems, see `find_problems`.
    """
    licenses = set()
    for component in _components(json.loads(text)):
        if component["type"] != "file":
            for license_ in component.get("licenses", [{}]):
                licenses.add((component["name"], _license_text(license_)))
    return licenses


def _license_text(license_: JsonObject) -> str:
    named = license_.get("license", {})
    return str(license_.get("expression") or named.get("id") or named.get("name"))


def find_problems(text: bytes, digests: Mapping[str, str]) -> list[str]:
    """Return the mistakes in an SBOM from an untrusted bundle.

    Args:
        text: of sbom.cdx.json.
        digests: sha256 of each file of the bundle by path, as it ships.
    """
    problem = _schema_problem(text)
    if problem:
        return [problem]
    components = list(_components(json.loads(text)))
    return [
        *_dangling_references(components),
        *_invalid_expressions(components),
        *_file_differences(components, digests),
    ]


def _schema_problem(text: bytes) -> str:
    problem = _size_problem(text)
    if problem:
        return problem
    from cyclonedx.schema import SchemaVersion

    json_schema_library.load()  # before CycloneDX imports it
    from cyclonedx.validation.json import JsonStrictValidator

    try:
        validation_error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.decode())
    except (ValueError, RecursionError) as error:
        return f"not valid JSON: {error}"
    if validation_error is not None:
        message = str(validation_error).splitlines()[0]
        return f"not CycloneDX 1.6: {printable(message, max_length=MESSAGE_LENGTH)}"
    version = json.loads(text)["specVersion"]  # any string, as far as the schema is concerned
    if version != "1.6":
        return f"not CycloneDX 1.6: specVersion is {version!r}"
    return ""


def _size_problem(text: bytes) -> str:
    """Return why a text is no JSON, or too large to be validated; nothing if it is neither."""
    try:
        document = strict_json.parse(text, MAX_BYTES)
    except StrictJsonError as error:
        return str(error)
    objects = text.count(b"{")
    if objects > MAX_OBJECTS:
        return f"{objects:,} objects; expected at most {MAX_OBJECTS:,}"
    queue = deque([document])
    while queue:
        value = queue.popleft()
        if isinstance(value, list) and len(value) > MAX_ENTRIES:
            return f"a list of {len(value):,} entries; expected at most {MAX_ENTRIES:,}"
        if isinstance(value, dict | list):
            queue.extend(value.values() if isinstance(value, dict) else value)
    return ""


def _components(document: JsonObject) -> Iterator[JsonObject]:
    """Yield the components of an SBOM and their parts, breadth first."""
    queue: deque[JsonObject] = deque()
    if "component" in document.get("metadata", {}):
        queue.append(document["metadata"]["component"])
    queue += document.get("components", [])
    while queue:
        component = queue.popleft()
        yield component
        queue += component.get("components", [])


def _dangling_references(components: Sequence[JsonObject]) -> Iterator[str]:
    """Yield the datasets of a model card that are no component."""
    references = {component["bom-ref"] for component in components if "bom-ref" in component}
    for component in components:
        parameters = component.get("modelCard", {}).get("modelParameters", {})
        for dataset in parameters.get("datasets", []):
            if "ref" in dataset and dataset["ref"] not in references:
                yield (
                    f"modelCard of {component['name']!r}: "
                    f"no component {dataset['ref']!r}, a dataset of it"
                )


def _invalid_expressions(components: Sequence[JsonObject]) -> Iterator[str]:
    """Yield license expressions that are not SPDX; the schema accepts any text."""
    for component in components:
        for license_ in component.get("licenses", []):
            try:
                parse(license_.get("expression", "MIT"))
            except ValueError as error:
                expression = license_["expression"]
                yield f"component {component['name']!r}: license {expression!r}: {error}"


def _file_differences(
    components: Sequence[JsonObject], digests: Mapping[str, str]
) -> Iterator[str]:
    """Yield the differences between the files that the SBOM lists and those in the bundle."""
    listed = [component for component in components if component["type"] == "file"]
    for component in listed:
        path = component["name"]
        if path not in digests:
            yield f"file {path!r}: not in the bundle"
        elif _sha256_hashes(component) != {digests[path]}:
            yield f"file {path!r}: its SHA-256 is not that of the file in the bundle"
    unlisted = digests.keys() - {component["name"] for component in listed}
    for path in sorted(unlisted):
        if path.startswith(MODELS):
            yield f"file {path!r}: in the bundle, but not listed"


def _sha256_hashes(component: JsonObject) -> set[str]:
    return {
        digest["content"].lower()
        for digest in component.get("hashes", [])
        if digest["alg"] == "SHA-256"
    }

"""Sample code for a bundle: an app that loads, tests and runs its models.

Each template in this folder is working code in Python, Kotlin or Swift. Lines between
`// <feature>` and `// </feature>` are for bundles with that feature: a platform, a runtime, a kind
of input, `streams`, `python`, and `encrypted` or `plain` files. Placeholders such as @PLATFORM@
stand for values of the manifest. The code of a kind of input lies with the kind: `INPUT.app_code`.
"""

import re
from collections.abc import Iterator, Mapping
from importlib import resources

from edgebake.bundle.manifest import belongs_to
from edgebake.bundle.manifest_types import Manifest
from edgebake.bundle.samples.inlined_modules import Inliner
from edgebake.bundle.tensors_of import inputs_of
from edgebake.runtimes.interface import RuntimeFacts, load_runtime
from edgebake.tasks.inputs.interface import load_input

# The files for each platform, and the feature that each is for; None: for every bundle. The
# sessions of runtimes are added, see RuntimeFacts.sample_code.
FILES: dict[str, dict[str, str | None]] = {
    "android": {
        "ModelBundle.kt": None,
        "Preprocessing.kt": None,
        "Postprocessing.kt": None,
        "GoldenVectors.kt": None,
        "Classifier.kt": None,
        "AndroidDevice.kt": None,
        "Decrypt.kt": "encrypted",
        "BundleTest.kt": None,
        "classify.py": None,
    },
    "ios": {
        "ModelBundle.swift": None,
        "Preprocessing.swift": None,
        "Postprocessing.swift": None,
        "GoldenVectors.swift": None,
        "Classifier.swift": None,
        "Decrypt.swift": "encrypted",
        "BundleTests.swift": None,
    },
    "linux": {"classify.py": None},
}
LANGUAGE = {"android": "kt", "ios": "swift"}  # of apps, as a suffix
COMMENT = {"py": "#", "kt": "//", "swift": "//"}
# An entry of a dictionary: the value of a kind of input by the kind's name.
KIND_ENTRY = {"kt": '"{0}" to {0}Kind', "swift": '"{0}": {0}Kind'}
NO_KINDS = {"kt": "", "swift": ":"}  # the content of an empty dictionary
# What classify.py reads as an example of each form.
EXAMPLE_FILE = {
    "float32": "rows of numbers as CSV",
    "int32": "rows of whole numbers as CSV",
    "pcm16": "a WAV file",
    "png": "an image",
    "utf8": "a text file",
}
MARK = re.compile(r"\s*(?:#|//|\*|<!--) <(/?)(\w+)>(?: -->)?")


def render(manifest: Manifest, bundle_files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the sample files of a bundle by name.

    Args:
        manifest: of the bundle.
        bundle_files: all files of the bundle by path.
    """
    bundle_features = features(manifest)
    names = []
    for name, feature in FILES[manifest["platform"]].items():
        if feature is None or feature in bundle_features:
            names.append(name)
    for facts in _runtimes(manifest):
        names += facts.sample_code.get(manifest["platform"], ())
    texts = {}
    for name in names:
        texts[name] = _render_code(name, _read_template(name), manifest)
    for name, template in _app_code(manifest).items():
        texts[name] = _render_code(name, template, manifest)
    texts["README.md"] = _render_readme(manifest, bundle_files, bundle_features)
    return {name: text.encode() for name, text in texts.items()}


def features(manifest: Manifest) -> set[str]:
    """Return the features of a bundle that templates can depend on."""
    platform = manifest["platform"]
    bundle_features = {platform}
    for target in manifest["targets"].values():
        bundle_features.add(target["runtime"])
        if any(step["step"] == "smooth" for step in target["postprocessing"]):
            bundle_features.add("streams")
    bundle_features.update(_kinds(manifest))
    if any("encryption" in file for file in manifest["files"]):
        bundle_features.add("encrypted")
    else:
        bundle_features.add("plain")
    if "classify.py" in FILES[platform]:
        bundle_features.add("python")
    return bundle_features


def _runtimes(manifest: Manifest) -> list[RuntimeFacts]:
    """Return the facts of each runtime of a bundle, sorted by name."""
    targets = manifest["targets"].values()
    names = {target["runtime"] for target in targets}
    return [load_runtime(name).facts for name in sorted(names)]


def _kinds(manifest: Manifest) -> list[str]:
    """Return the kinds of input that the models of a bundle take, sorted."""
    kinds = set()
    for target in manifest["targets"].values():
        for model_input in inputs_of(target):
            kinds.add(model_input["kind"])
    return sorted(kinds)


def _has_code(kind: str, suffix: str) -> bool:
    """Return whether a kind of input has code in a language; a project's own may have none."""
    return any(name.endswith(f".{suffix}") for name in load_input(kind).app_code())


def _app_code(manifest: Manifest) -> dict[str, str]:
    """Return the templates that the bundle's kinds of input bring for its platform, by name."""
    suffix = LANGUAGE.get(manifest["platform"])
    templates = {}
    for kind in _kinds(manifest):
        for name, source in load_input(kind).app_code().items():
            if name.endswith(f".{suffix}"):
                templates[name] = source.decode()
    return templates


def _render_code(name: str, template: str, manifest: Manifest) -> str:
    code = _expand(template, features(manifest))
    _, _, suffix = name.rpartition(".")
    kinds = [kind for kind in _kinds(manifest) if _has_code(kind, suffix)]
    if suffix == "py":
        code = Inliner().inline(code, kinds)
    else:
        entries = [KIND_ENTRY[suffix].format(kind) for kind in kinds]
        code = code.replace("@KINDS@", ", ".join(entries) or NO_KINDS[suffix])
    code = code.replace("@PLATFORM@", manifest["platform"])
    return _header(name, manifest) + code


def _header(name: str, manifest: Manifest) -> str:
    """Return a comment that names the release and the commit."""
    release = _single_line(manifest["name"])
    release += f" {_single_line(manifest['version'])} for {manifest['platform']}"
    source = manifest["source"]
    commit = source["git_commit"]
    if source["dirty"]:
        commit += ", with changes that are not committed"
    _, _, suffix = name.rpartition(".")
    comment = COMMENT[suffix]
    return (
        f"{comment} {release}, made by edgebake from commit {commit}.\n"
        f"{comment} It is yours to change.\n\n"
    )


def _single_line(text: str) -> str:
    """Return a recipe's text without line breaks, which would end a comment."""
    return " ".join(text.split())


def _read_template(name: str) -> str:
    folder = resources.files(__package__)
    return (folder / name).read_text()


def _expand(template: str, bundle_features: set[str]) -> str:
    return "".join(f"{line}\n" for line in _expanded_lines(template, bundle_features))


def _expanded_lines(template: str, bundle_features: set[str]) -> Iterator[str]:
    """Yield the lines for a bundle, without marks."""
    enclosing: list[bool] = []  # whether the bundle has the features of the marks around a line
    for line in template.splitlines():
        mark = MARK.fullmatch(line)
        if mark:
            is_end, feature = mark.groups()
            if is_end:
                enclosing.pop()
            else:
                enclosing.append(feature in bundle_features)
        elif all(enclosing):
            yield line


def _render_readme(
    manifest: Manifest, bundle_files: Mapping[str, bytes], bundle_features: set[str]
) -> str:
    values = {
        "@NAME@": _single_line(manifest["name"]),
        "@VERSION@": _single_line(manifest["version"]),
        "@PLATFORM@": manifest["platform"],
        "@COMMIT@": manifest["source"]["git_commit"],
        "@TARGETS@": "\n".join(_target_rows(manifest, bundle_files)),
        "@KIND@": _kinds(manifest)[0],
        "@FILES@": ", ".join(_example_files(manifest)),
        "@REQUIREMENTS@": " ".join(_requirements(manifest, bundle_features)),
    }
    text = _expand(_read_template("README.md"), bundle_features)
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def _example_files(manifest: Manifest) -> Iterator[str]:
    """Yield what classify.py reads, for each form of an example."""
    forms = set()
    for target in manifest["targets"].values():
        for model_input in inputs_of(target):
            forms.add(model_input["raw"]["form"])
    for form in sorted(forms):
        yield EXAMPLE_FILE[form]


def _requirements(manifest: Manifest, bundle_features: set[str]) -> list[str]:
    """Return the requirements of classify.py; runtimes in the version that was measured."""
    versions: dict[str, str] = {}
    for target in manifest["targets"].values():
        versions |= target["tools"]
    requirements = ["numpy"]
    if "image" in bundle_features:
        requirements.append("'pillow>=13'")
    if "encrypted" in bundle_features:
        requirements.append("cryptography")
    for facts in _runtimes(manifest):
        if facts.library is not None:
            distribution = facts.library.distribution
            requirements.append(f"{distribution}=={versions[distribution]}")
    return requirements


def _target_rows(manifest: Manifest, bundle_files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield a row of a Markdown table for each target, in fallback order."""
    for name in manifest["chain"]:
        target = manifest["targets"][name]
        size = 0
        for path, content in bundle_files.items():
            if belongs_to(path, target["model"]):
                size += len(content)
        device = target["device"]["name"]
        accelerators = ", ".join(target["accelerators"])
        megabytes = f"{size / 1e6:.3f} MB"
        yield f"| {name} | {device} | {target['runtime']} on {accelerators} | {megabytes} |"

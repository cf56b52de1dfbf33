"""Sample code for a bundle: an app that loads, tests and runs its models.

Each template in this folder is working code in Python, Kotlin or Swift. Lines between
`// <feature>` and `// </feature>` are for bundles with that feature: a platform, a runtime,
`python`, and `encrypted` or `plain` files. Placeholders such as @PLATFORM@ stand for values of the
manifest.
"""

import re
from collections.abc import Iterator, Mapping
from importlib import resources

from edgebake.bundle.manifest import belongs_to
from edgebake.bundle.manifest_types import Manifest
from edgebake.runtimes.interface import RuntimeFacts, load_runtime

# The files for each platform, and the feature that each is for; None: for every bundle. The
# sessions of runtimes are added, see RuntimeFacts.sample_code.
FILES: dict[str, dict[str, str | None]] = {
    "android": {
        "ModelBundle.kt": None,
        "Preprocessing.kt": None,
        "Postprocessing.kt": None,
        "Classifier.kt": None,
        "Decrypt.kt": "encrypted",
        "BundleTest.kt": None,
        "classify.py": None,
    },
    "ios": {
        "ModelBundle.swift": None,
        "Preprocessing.swift": None,
        "Postprocessing.swift": None,
        "Classifier.swift": None,
        "Decrypt.swift": "encrypted",
        "BundleTests.swift": None,
    },
    "linux": {"classify.py": None},
}
COMMENT = {"py": "#", "kt": "//", "swift": "//"}
MARK = re.compile(r"\s*(?:#|//|\*|<!--) <(/?)(\w+)>(?: -->)?")
INLINED = re.compile(r"from (edgebake\.[\w.]+) import .+")
NOQA = re.compile(r"  # noqa: .+")


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
        texts[name] = _render_code(name, manifest, bundle_features)
    texts["README.md"] = _render_readme(manifest, bundle_files, bundle_features)
    return {name: text.encode() for name, text in texts.items()}


def features(manifest: Manifest) -> set[str]:
    """Return the features of a bundle that templates can depend on."""
    platform = manifest["platform"]
    bundle_features = {platform}
    for target in manifest["targets"].values():
        bundle_features.add(target["runtime"])
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


def _render_code(name: str, manifest: Manifest, bundle_features: set[str]) -> str:
    template = _read_template(name)
    code = _expand(template, bundle_features)
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
    """Yield the lines for a bundle, without marks and with imported modules of edgebake inlined."""
    enclosing: list[bool] = []  # whether the bundle has the features of the marks around a line
    for line in template.splitlines():
        mark = MARK.fullmatch(line)
        imported = INLINED.fullmatch(line)
        if mark:
            is_end, feature = mark.groups()
            if is_end:
                enclosing.pop()
            else:
                enclosing.append(feature in bundle_features)
        elif all(enclosing):
            if imported:
                yield from _module_lines(imported[1])
            else:
                yield NOQA.sub("", line)


def _module_lines(module: str) -> Iterator[str]:
    """Yield the text of a module of edgebake, its docstring as comments."""
    package, _, name = module.rpartition(".")
    file = resources.files(package) / f"{name}.py"
    text = file.read_text()
    _, docstring, code = text.split('"""', maxsplit=2)
    for line in docstring.strip().splitlines():
        yield f"# {line}".rstrip()
    for line in code.rstrip().splitlines():
        yield NOQA.sub("", line)
    yield from ("", "")


def _render_readme(
    manifest: Manifest, bundle_files: Mapping[str, bytes], bundle_features: set[str]
) -> str:
    values = {
        "@NAME@": _single_line(manifest["name"]),
        "@VERSION@": _single_line(manifest["version"]),
        "@PLATFORM@": manifest["platform"],
        "@COMMIT@": manifest["source"]["git_commit"],
        "@TARGETS@": "\n".join(_target_rows(manifest, bundle_files)),
        "@REQUIREMENTS@": " ".join(_requirements(manifest, bundle_features)),
    }
    text = _expand(_read_template("README.md"), bundle_features)
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def _requirements(manifest: Manifest, bundle_features: set[str]) -> list[str]:
    """Return the requirements of classify.py; runtimes in the version that was measured."""
    versions: dict[str, str] = {}
    for target in manifest["targets"].values():
        versions |= target["tools"]
    requirements = ["numpy", "'pillow>=13'"]
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

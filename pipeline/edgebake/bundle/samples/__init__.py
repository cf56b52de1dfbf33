"""Sample code for one bundle: how an app loads, checks and asks its models, in the language of its platform.

Each template is the sample itself, in Python, Kotlin or Swift. Lines between `// <word>` and `// </word>` are for
bundles that have what the word says: a platform, a runtime, `encrypted` files, or `plain` ones alone. Words such as
@PLATFORM@ stand for what the manifest says.
"""

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from edgebake.runtimes.interface import RuntimeFacts, load_runtime

# What each platform gets beside the sessions of its runtimes (RuntimeFacts.sample_code), and the word that a bundle has
# to have for it; none: always.
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


def render(manifest: dict[str, Any], bundle_files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the samples of a platform by their file names.

    Args:
        manifest: of the bundle.
        bundle_files: every file of it by its path.
    """
    has = features(manifest)
    names = [
        name for name, word in FILES[manifest["platform"]].items() if word is None or word in has
    ]
    for facts in _runtimes(manifest):
        names += facts.sample_code.get(manifest["platform"], ())
    made = {name: _header(name, manifest) + _filled(name, manifest, has) for name in names}
    made["README.md"] = _readme(manifest, bundle_files, has)
    return {name: text.encode() for name, text in made.items()}


def features(manifest: dict[str, Any]) -> set[str]:
    """Return what a bundle has: its platform, its runtimes, and whether it is for Python or has encrypted files."""
    runtimes = {target["runtime"] for target in manifest["targets"].values()}
    encrypted = any("encryption" in file for file in manifest["files"])
    python = {"python"} if "classify.py" in FILES[manifest["platform"]] else set()
    return {manifest["platform"], *runtimes, "encrypted" if encrypted else "plain"} | python


def _runtimes(manifest: dict[str, Any]) -> list[RuntimeFacts]:
    """Return the facts of each runtime of a bundle, sorted by name."""
    names = sorted({target["runtime"] for target in manifest["targets"].values()})
    return [load_runtime(name).facts for name in names]


def _header(name: str, manifest: dict[str, Any]) -> str:
    source = manifest["source"]
    changed = ", with changes that are not committed" if source["dirty"] else ""
    lines = (
        f"{_one_line(manifest['name'])} {_one_line(manifest['version'])} for {manifest['platform']}, "
        f"made by edgebake from commit {source['git_commit']}{changed}.",
        "It is yours to change.",
    )
    comment = COMMENT[name.rpartition(".")[2]]
    return "".join(f"{comment} {line}\n" for line in lines) + "\n"


def _one_line(text: str) -> str:
    """Return a recipe's text so that it stays within the comment that it is put in."""
    return " ".join(text.split())


def _filled(name: str, manifest: dict[str, Any], has: set[str]) -> str:
    template = resources.files(__package__).joinpath(name).read_text()
    kept = "".join(f"{line}\n" for line in _kept(template, has))
    return kept.replace("@PLATFORM@", manifest["platform"])


def _kept(template: str, has: set[str]) -> Iterator[str]:
    """Yield the lines that a bundle needs, without marks; modules of ours that it imports are put in their place."""
    within: list[bool] = []
    for line in template.splitlines():
        mark, module = MARK.fullmatch(line), INLINED.fullmatch(line)
        if mark and mark[1]:
            within.pop()
        elif mark:
            within.append(mark[2] in has)
        elif all(within):
            yield from _inlined(module[1]) if module else [NOQA.sub("", line)]


def _inlined(module: str) -> Iterator[str]:
    """Yield the text of one of our modules, its docstring as comments, so that it stands in a file of its own."""
    package, _, name = module.rpartition(".")
    text = resources.files(package).joinpath(f"{name}.py").read_text()
    _, docstring, code = text.split('"""', maxsplit=2)
    yield from (f"# {line}".rstrip() for line in docstring.strip().splitlines())
    yield from (NOQA.sub("", line) for line in code.rstrip().splitlines())
    yield from ("", "")


def _readme(manifest: dict[str, Any], bundle_files: Mapping[str, bytes], has: set[str]) -> str:
    template = resources.files(__package__).joinpath("README.md").read_text()
    rows = "\n".join(_rows(manifest, bundle_files))
    filled = {
        "@NAME@": _one_line(manifest["name"]),
        "@VERSION@": _one_line(manifest["version"]),
        "@PLATFORM@": manifest["platform"],
        "@COMMIT@": manifest["source"]["git_commit"],
        "@TARGETS@": rows,
        "@REQUIREMENTS@": " ".join(_requirements(manifest, has)),
    }
    text = "".join(f"{line}\n" for line in _kept(template, has))
    for word, value in filled.items():
        text = text.replace(word, value)
    return text


def _requirements(manifest: dict[str, Any], has: set[str]) -> list[str]:
    """Return what the Python sample needs, runtimes in the version that the files were measured in."""
    versions = {
        name: version
        for one in manifest["targets"].values()
        for name, version in one["tools"].items()
    }
    libraries = [facts.library for facts in _runtimes(manifest) if facts.library is not None]
    runtimes = [
        f"{library.distribution}=={versions[library.distribution]}" for library in libraries
    ]
    return ["numpy", "'pillow>=13'", *(["cryptography"] if "encrypted" in has else []), *runtimes]


def _rows(manifest: dict[str, Any], bundle_files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield a row of a table for each target, in the order in which an app tries them."""
    for name in manifest["chain"]:
        target = manifest["targets"][name]
        model = target["model"]
        size = sum(
            len(content)
            for path, content in bundle_files.items()
            if path == model or path.startswith(f"{model}/")
        )
        accelerators = ", ".join(target["accelerators"])
        yield f"| {name} | {target['device']['name']} | {target['runtime']} on {accelerators} | {size / 1e6:.3f} MB |"

"""What may be in a bundle under which license, and the texts that it then carries."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgebake.bundle import license_policy, licenses
from edgebake.bundle.components import Component
from edgebake.bundle.license_policy import LicenseDecision, PolicyVerdict, decide
from edgebake.errors import LicenseError
from edgebake.recipe import Licenses
from edgebake.recipe.stage_params import PackageParams, Plan, parse
from tests.bundle import made

ROOT = Path(__file__).parents[2]
POLICY = Licenses(
    allow=[
        "Apache-2.0",
        "MIT",
        "LicenseRef-Acme",
        "LicenseRef-Lost",
        "GPL-2.0-only WITH Classpath-exception-2.0",
    ],
    review=["MPL-2.0", "CC-BY-SA-4.0", "0BSD"],
    deny=["CC-BY-NC-4.0", "GPL-2.0-only", "GPL-3.0-only", "0BSD"],
)
LET_THROUGH: dict[str, tuple[PolicyVerdict, list[str]]] = {
    "Apache-2.0": (PolicyVerdict.allow, ["Apache-2.0"]),
    "apache-2.0": (PolicyVerdict.allow, ["Apache-2.0"]),
    "MPL-2.0": (PolicyVerdict.review, ["MPL-2.0"]),
    "Apache-2.0 OR GPL-3.0-only": (PolicyVerdict.allow, ["Apache-2.0"]),
    "GPL-3.0-only OR Apache-2.0": (PolicyVerdict.allow, ["Apache-2.0"]),
    "Zlib OR Apache-2.0": (PolicyVerdict.allow, ["Apache-2.0"]),
    "MPL-2.0 OR MIT": (PolicyVerdict.allow, ["MIT"]),
    "MIT OR Apache-2.0": (PolicyVerdict.allow, ["MIT"]),
    "GPL-3.0-only OR MPL-2.0": (PolicyVerdict.review, ["MPL-2.0"]),
    "MIT AND Apache-2.0": (PolicyVerdict.allow, ["MIT", "Apache-2.0"]),
    "MIT AND MPL-2.0": (PolicyVerdict.review, ["MIT", "MPL-2.0"]),
    "MIT AND (GPL-3.0-only OR MPL-2.0)": (PolicyVerdict.review, ["MIT", "MPL-2.0"]),
    "MIT OR GPL-3.0-only AND Apache-2.0": (PolicyVerdict.allow, ["MIT"]),
    "Apache-2.0 WITH LLVM-exception": (PolicyVerdict.allow, ["Apache-2.0", "LLVM-exception"]),
    "GPL-2.0-only WITH Classpath-exception-2.0": (
        PolicyVerdict.allow,
        ["GPL-2.0-only", "Classpath-exception-2.0"],
    ),
    "LicenseRef-Acme": (PolicyVerdict.allow, ["LicenseRef-Acme"]),
    "MIT OR LicenseRef-Lost": (PolicyVerdict.allow, ["MIT"]),
}
REFUSED: dict[str, tuple[PolicyVerdict, list[str]]] = {
    "CC-BY-NC-4.0": (PolicyVerdict.deny, ["CC-BY-NC-4.0 is denied"]),
    "0BSD": (PolicyVerdict.deny, ["0BSD is denied"]),
    "Zlib": (PolicyVerdict.unlisted, ["Zlib is in no list"]),
    "Apache-2.0 AND CC-BY-NC-4.0": (PolicyVerdict.deny, ["CC-BY-NC-4.0 is denied"]),
    "CC-BY-NC-4.0 AND Zlib": (
        PolicyVerdict.unlisted,
        ["CC-BY-NC-4.0 is denied", "Zlib is in no list"],
    ),
    "CC-BY-NC-4.0 OR GPL-3.0-only": (
        PolicyVerdict.deny,
        ["CC-BY-NC-4.0 is denied", "GPL-3.0-only is denied"],
    ),
    "GPL-3.0-only WITH Classpath-exception-2.0": (
        PolicyVerdict.deny,
        ["GPL-3.0-only WITH Classpath-exception-2.0 is denied"],
    ),
    "Zlib WITH LLVM-exception": (
        PolicyVerdict.unlisted,
        ["Zlib WITH LLVM-exception is in no list"],
    ),
    "LicenseRef-Lost": (
        PolicyVerdict.unlisted,
        ["its text, LICENSES/LicenseRef-Lost.txt, is not there"],
    ),
    "LicenseRef-Other": (PolicyVerdict.unlisted, ["LicenseRef-Other is in no list"]),
    "LicenseRef-Apache": (PolicyVerdict.unlisted, ["LicenseRef-Apache is in no list"]),
    "Apache2": (
        PolicyVerdict.invalid,
        ["'Apache2' is no SPDX identifier; did you mean 'Apache-2.0'?"],
    ),
    "GPL-3.0": (PolicyVerdict.deny, ["GPL-3.0-only is denied"]),
    "GPL-3.0+": (PolicyVerdict.unlisted, ["GPL-3.0-or-later is in no list"]),
    "MIT+": (PolicyVerdict.invalid, ["'MIT+' is no SPDX identifier; did you mean 'MIT'?"]),
    "MIT OR Apache2": (
        PolicyVerdict.invalid,
        ["'Apache2' is no SPDX identifier; did you mean 'Apache-2.0'?"],
    ),
    "LicenseRef-../../MIT": (PolicyVerdict.invalid, []),
    "": (PolicyVerdict.invalid, ["no license is named"]),
    "  ": (PolicyVerdict.invalid, ["no license is named"]),
    "MIT WITH": (
        PolicyVerdict.invalid,
        ['it cannot be parsed (Invalid expression for token: "WITH" at position: 4)'],
    ),
    "MIT AND": (PolicyVerdict.invalid, []),
    "(MIT": (PolicyVerdict.invalid, ["it cannot be parsed (Invalid expression)"]),
    "MIT WITH MIT": (PolicyVerdict.invalid, []),
    "LLVM-exception": (PolicyVerdict.invalid, []),
    "(" * 1001: (PolicyVerdict.invalid, ["it is longer than 1,000 characters"]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LICENSES/ with the text of one that is nobody's standard."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "LicenseRef-Acme.txt").write_text("You may.\n")
    return folder


@pytest.mark.parametrize("expression", LET_THROUGH)
def test_it_may_be_in_a_bundle(expression: str, folder: Path) -> None:
    verdict, identifiers = LET_THROUGH[expression]
    assert decide(expression, POLICY, folder) == LicenseDecision(verdict, tuple(identifiers))


@pytest.mark.parametrize("expression", REFUSED)
def test_it_stops_a_bundle(expression: str, folder: Path) -> None:
    verdict, reasons = REFUSED[expression]
    found = decide(expression, POLICY, folder)
    assert (found.verdict, found.lets_through) == (verdict, False)
    assert found.reasons
    assert not reasons or list(found.reasons) == reasons


@pytest.mark.parametrize(
    "nested", ["(" * 490 + "MIT" + ")" * 490, "(MIT AND " * 90 + "MIT" + ")" * 90]
)
def test_an_expression_of_many_brackets_is_read(nested: str, folder: Path) -> None:
    assert decide(nested, POLICY, folder).verdict is PolicyVerdict.allow


def _one(kind: str, name: str, license_: str) -> Component:
    return Component(kind, name, license_, "https://example.org")


def test_everything_that_may_not_be_there_is_named_with_where_to_mend_it(folder: Path) -> None:
    bad = [
        _one("model", "digits", "Apache2"),
        _one("data", "Handwritten Digits", "CC-BY-NC-4.0"),
        _one("data", "Other Digits", "MIT"),
        _one("weights", "Some Weights", ""),
    ]
    with pytest.raises(LicenseError) as error:
        license_policy.apply_policy(bad, POLICY, folder)
    assert str(error.value).splitlines() == [
        "recipes/release.yaml: license: model 'digits' is under Apache2: 'Apache2' is no SPDX identifier; did you mean "
        "'Apache-2.0'?; expected an SPDX expression of https://spdx.org/licenses",
        "recipes/release.yaml: licenses: data 'Handwritten Digits' is under CC-BY-NC-4.0: CC-BY-NC-4.0 is denied; "
        "expected licenses in `allow` or `review`, and the text of each LicenseRef- in LICENSES/",
        "recipes/model/: pretrained.license: weights 'Some Weights' is under nothing: no license is named; expected an "
        "SPDX expression of https://spdx.org/licenses",
    ]


def _judged(texts: Mapping[str, str], folder: Path) -> list[license_policy.LicensedComponent]:
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    mixed = [
        Component("model", "digits", "apache-2.0", "recipes/release.yaml", "1.2.0"),
        _one("data", "Handwritten Digits", "GPL-3.0-only OR MPL-2.0"),
        _one("weights", "Some Weights", "Apache-2.0"),
        Component(
            "code", "LiteRT", "Apache-2.0 WITH LLVM-exception", "https://example.org", "2.3.0"
        ),
    ]
    return license_policy.apply_policy(mixed, POLICY, folder)


def test_the_manifest_says_what_was_decided_in_the_standards_spelling(tmp_path: Path) -> None:
    said = licenses.manifest_entries(_judged({}, tmp_path))
    assert said[0] == {
        "kind": "model",
        "name": "digits",
        "version": "1.2.0",
        "license": "Apache-2.0",
        "source": "recipes/release.yaml",
        "decision": "allow",
    }
    assert [one["decision"] for one in said] == ["allow", "review", "allow", "allow"]
    assert "version" not in said[1]


def test_a_bundle_carries_the_text_of_each_license_that_was_chosen(tmp_path: Path) -> None:
    texts = {"Apache-2.0": "apache", "LLVM-exception": "llvm", "MPL-2.0": "mpl", "MIT": "mit"}
    assert licenses.texts(_judged(texts, tmp_path), tmp_path) == {
        "LICENSES/Apache-2.0.txt": b"apache",
        "LICENSES/LLVM-exception.txt": b"llvm",
        "LICENSES/MPL-2.0.txt": b"mpl",
    }


def test_every_text_that_is_missing_is_named(tmp_path: Path) -> None:
    judged = _judged({"Apache-2.0": "apache"}, tmp_path)
    with pytest.raises(LicenseError) as error:
        licenses.texts(judged, tmp_path)
    assert str(error.value).splitlines() == [
        "LICENSES/LLVM-exception.txt: not there; expected the text of LLVM-exception, which code 'LiteRT' is under",
        "LICENSES/MPL-2.0.txt: not there; expected the text of MPL-2.0, which data 'Handwritten Digits' is under",
    ]


def test_notice_names_who_made_what_and_under_which_license(tmp_path: Path) -> None:
    assert licenses.render_notice(made.ABOUT, _judged({}, tmp_path)) == (
        "digits 1.2.0, by Ada\n"
        "Reads one digit.\n"
        "License: Apache-2.0\n"
        "\n"
        "LICENSES/ contains the texts of all licenses. Components:\n"
        "\n"
        "data: Handwritten Digits\n"
        "License: GPL-3.0-only OR MPL-2.0; chosen: MPL-2.0, to be reviewed\n"
        "Source: https://example.org\n"
        "The model was trained on it; golden/ contains a few of its examples.\n"
        "\n"
        "weights: Some Weights\n"
        "License: Apache-2.0\n"
        "Source: https://example.org\n"
        "The model was initialized with these weights.\n"
        "\n"
        "code: LiteRT 2.3.0\n"
        "License: Apache-2.0 WITH LLVM-exception\n"
        "Source: https://example.org\n"
        "Not in the bundle; an app that links it has to include its notices.\n"
    )


# Of the texts in spdx-license-list 6.12.0, spaces aside.
SPDX = {
    "Apache-2.0": "0ffddef9e48f8a09aed5caf2d44f7ba1c1be2d9b8e0a6f693b1635b2d5566645",
    "BSD-2-Clause": "67329a9b057288ef3eca5db16860cc4dac63cccc65ef280e6f551f6da0f960b6",
    "BSD-3-Clause": "65e7987f847f2785421ef9f25c5fa9f23ae284b4c37894d1bc956dc751d36cf2",
    "CC-BY-4.0": "50a0385d4606ed02586ea82f3307d8835cf2e76f7c2b70f5e2f340bd4a1e9fb3",
    "CC0-1.0": "05d9f1a0af61535887a399e161c9d14d1f898043b61d05fe4854ed8c6460179c",
    "MIT": "c963879647034d6c5d7027d8e2b024213589b749d11ba7320032802307bced9c",
}


@pytest.mark.parametrize("identifier", SPDX)
def test_texts_are_those_of_spdx(identifier: str) -> None:
    words = " ".join((ROOT / f"LICENSES/{identifier}.txt").read_text().split())
    assert hashlib.sha256(words.encode()).hexdigest() == SPDX[identifier]


def test_every_license_that_the_project_allows_has_its_text(planned: Plan) -> None:
    section: PackageParams = parse("package", "android", planned["package"]["android"])
    assert [
        one for one in section.licenses.allow if not (ROOT / f"LICENSES/{one}.txt").is_file()
    ] == []

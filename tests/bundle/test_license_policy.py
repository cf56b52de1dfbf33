"""Which licenses a policy allows, and the messages about those that it refuses."""

from pathlib import Path

import pytest

from edgebake.bundle import license_policy
from edgebake.bundle.components import Component
from edgebake.bundle.license_policy import LicenseDecision, PolicyVerdict, decide
from edgebake.errors import LicenseError
from edgebake.recipe import Licenses

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
        ["its text, LICENSES/LicenseRef-Lost.txt, is missing"],
    ),
    "LicenseRef-Other": (PolicyVerdict.unlisted, ["LicenseRef-Other is in no list"]),
    "LicenseRef-Apache": (PolicyVerdict.unlisted, ["LicenseRef-Apache is in no list"]),
    "Apache2": (
        PolicyVerdict.invalid,
        ["'Apache2' is not an SPDX identifier; did you mean 'Apache-2.0'?"],
    ),
    "GPL-3.0": (PolicyVerdict.deny, ["GPL-3.0-only is denied"]),
    "GPL-3.0+": (PolicyVerdict.unlisted, ["GPL-3.0-or-later is in no list"]),
    "MIT+": (PolicyVerdict.invalid, ["'MIT+' is not an SPDX identifier; did you mean 'MIT'?"]),
    "MIT OR Apache2": (
        PolicyVerdict.invalid,
        ["'Apache2' is not an SPDX identifier; did you mean 'Apache-2.0'?"],
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
    "nested", ["(" * 20 + "MIT" + ")" * 20, "(MIT AND " * 20 + "MIT" + ")" * 20]
)
def test_an_expression_of_many_brackets_is_read(nested: str, folder: Path) -> None:
    assert decide(nested, POLICY, folder).verdict is PolicyVerdict.allow


def test_an_expression_of_too_many_brackets_is_invalid(folder: Path) -> None:
    decision = decide("(" * 21 + "MIT" + ")" * 21, POLICY, folder)
    assert decision.verdict is PolicyVerdict.invalid
    assert decision.reasons == ("it has more than 20 parentheses",)


def _component(kind: str, name: str, license_: str) -> Component:
    return Component(kind, name, license_, "https://example.org")


def test_everything_that_may_not_be_there_is_named_with_where_to_mend_it(folder: Path) -> None:
    bad = [
        _component("model", "digits", "Apache2"),
        _component("data", "Handwritten Digits", "CC-BY-NC-4.0"),
        _component("data", "Other Digits", "MIT"),
        _component("weights", "Some Weights", ""),
    ]
    with pytest.raises(LicenseError) as error:
        license_policy.apply_policy(bad, POLICY, folder)
    assert str(error.value).splitlines() == [
        "recipes/release.yaml: license: model 'digits' is under Apache2: 'Apache2' is not an SPDX "
        "identifier; did you mean "
        "'Apache-2.0'?; expected an SPDX expression of https://spdx.org/licenses",
        "recipes/release.yaml: licenses: data 'Handwritten Digits' is under CC-BY-NC-4.0: "
        "CC-BY-NC-4.0 is denied; "
        "expected licenses in `allow` or `review`, and the text of each LicenseRef- in LICENSES/",
        "recipes/model/: pretrained.license: weights 'Some Weights' is under nothing: no license "
        "is named; expected an "
        "SPDX expression of https://spdx.org/licenses",
    ]

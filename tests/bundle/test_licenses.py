"""Licenses in the manifest, as texts and in NOTICE."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgebake.bundle import license_policy, licenses
from edgebake.bundle.components import Component
from edgebake.errors import LicenseError
from edgebake.recipe import Licenses
from edgebake.recipe.stage_params import PackageParams, Plan, parse
from tests.bundle import made

ROOT = Path(__file__).parents[2]
POLICY = Licenses(allow=["Apache-2.0"], review=["MPL-2.0"], deny=["GPL-3.0-only"])

APACHE = (Path(__file__).parents[2] / "LICENSES/Apache-2.0.txt").read_text()


def _component(kind: str, name: str, license_: str) -> Component:
    return Component(kind, name, license_, "https://example.org")


def _licensed(texts: Mapping[str, str], folder: Path) -> list[license_policy.LicensedComponent]:
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    components = [
        Component("model", "digits", "apache-2.0", "recipes/release.yaml", "1.2.0"),
        _component("data", "Handwritten Digits", "GPL-3.0-only OR MPL-2.0"),
        _component("weights", "Some Weights", "Apache-2.0"),
        Component(
            "code", "LiteRT", "Apache-2.0 WITH LLVM-exception", "https://example.org", "2.3.0"
        ),
    ]
    return license_policy.apply_policy(components, POLICY, folder)


def test_the_manifest_says_what_was_decided_in_the_standards_spelling(tmp_path: Path) -> None:
    entries = licenses.manifest_entries(_licensed({}, tmp_path))
    assert entries[0] == {
        "kind": "model",
        "name": "digits",
        "version": "1.2.0",
        "license": "Apache-2.0",
        "source": "recipes/release.yaml",
        "decision": "allow",
    }
    assert [entry["decision"] for entry in entries] == ["allow", "review", "allow", "allow"]
    assert "version" not in entries[1]


def test_a_bundle_carries_the_text_of_each_license_that_was_chosen(tmp_path: Path) -> None:
    texts = {"Apache-2.0": APACHE, "LLVM-exception": "llvm", "MPL-2.0": "mpl", "MIT": "mit"}
    assert licenses.texts(_licensed(texts, tmp_path), tmp_path) == {
        "LICENSES/Apache-2.0.txt": APACHE.encode(),
        "LICENSES/LLVM-exception.txt": b"llvm",
        "LICENSES/MPL-2.0.txt": b"mpl",
    }


def test_every_text_that_is_missing_is_named(tmp_path: Path) -> None:
    licensed = _licensed({"Apache-2.0": APACHE}, tmp_path)
    with pytest.raises(LicenseError) as error:
        licenses.texts(licensed, tmp_path)
    assert str(error.value).splitlines() == [
        "LICENSES/LLVM-exception.txt: not found; expected the text of LLVM-exception, the license "
        "of code 'LiteRT'",
        "LICENSES/MPL-2.0.txt: not found; expected the text of MPL-2.0, the license of data "
        "'Handwritten Digits'",
    ]


def test_a_text_of_another_license_is_refused(tmp_path: Path) -> None:
    texts = {"Apache-2.0": "All rights reserved.", "LLVM-exception": "llvm", "MPL-2.0": " "}
    licensed = _licensed(texts, tmp_path)
    with pytest.raises(LicenseError) as error:
        licenses.texts(licensed, tmp_path)
    assert str(error.value).splitlines() == [
        "LICENSES/Apache-2.0.txt: not the text of Apache-2.0; "
        "expected that of https://spdx.org/licenses",
        "LICENSES/MPL-2.0.txt: empty; expected the text of the license",
    ]


def test_notice_names_who_made_what_and_under_which_license(tmp_path: Path) -> None:
    assert licenses.render_notice(made.ABOUT, _licensed({}, tmp_path)) == (
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
    missing = [
        identifier
        for identifier in section.licenses.allow
        if not (ROOT / f"LICENSES/{identifier}.txt").is_file()
    ]
    assert missing == []

"""A license text is compared with the known one, whoever the holder is."""

from pathlib import Path

import pytest

from edgebake.bundle import license_texts

FOLDER = Path(__file__).parents[2] / "LICENSES"
NAMES = sorted(file.stem for file in FOLDER.glob("*.txt"))
MIT = (FOLDER / "MIT.txt").read_text()
NOT_MIT = "not the text of MIT; expected that of https://spdx.org/licenses"


@pytest.mark.parametrize("name", NAMES)
def test_the_texts_of_edgebake_are_those_of_their_licenses(name: str) -> None:
    assert license_texts.text_problem(name, (FOLDER / f"{name}.txt").read_text()) is None


@pytest.mark.parametrize("name", [name for name in NAMES if name != "MIT"])
def test_the_text_of_another_license_is_refused(name: str) -> None:
    assert license_texts.text_problem("MIT", (FOLDER / f"{name}.txt").read_text()) == NOT_MIT


@pytest.mark.parametrize(
    "text",
    [
        MIT.replace("\n", " "),
        MIT.upper(),
        "The MIT License\n\nCopyright (c) 2020 Ada, Grace and others\n" + MIT.split("\n\n", 1)[1],
    ],
)
def test_line_breaks_case_and_holder_do_not_matter(text: str) -> None:
    assert license_texts.text_problem("MIT", text) is None


@pytest.mark.parametrize(
    "text",
    [
        "All rights reserved.",
        MIT[: len(MIT) // 2],
        MIT
        + "You may not use this software for money. " * 1
        + " ".join(f"further{number}" for number in range(400)),
    ],
    ids=["other", "half", "longer"],
)
def test_half_a_text_or_twice_as_much_is_not_the_text(text: str) -> None:
    assert license_texts.text_problem("MIT", text) == NOT_MIT


def test_an_empty_text_is_none_of_any_license() -> None:
    assert license_texts.text_problem("LicenseRef-Ours", " \n") == (
        "empty; expected the text of the license"
    )
    assert license_texts.text_problem("LicenseRef-Ours", "Ask us.") is None

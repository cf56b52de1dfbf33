"""`edgebake init` replaces the example's texts of a release by those of the user's model."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from edgebake.cli.init import release_texts
from edgebake.cli.main import main
from edgebake.recipe import example_release
from tests.builds import ROOT

FLAGS = [
    *("--release-name", "gray", "--description", "Tells dark images from light ones."),
    *("--intended-use", "Sorting: images.", "--intended-use", "Tests", "--limit", "Gray alone."),
    *("--author", "Us", "--license", "MIT", "--contact", "https://example.org/ask"),
]


@pytest.fixture
def own_data(project: Path) -> list[str]:
    """Options of `init` for data of the user's own, in a copy of the example's project."""
    for name, level in {"dark": 0, "light": 200}.items():
        folder = project / "data/gray" / name
        folder.mkdir(parents=True)
        for number in range(20):
            Image.new("L", (8, 8), level + number).save(folder / f"{number}.png")
    return ["--device", "pixel_8", "--data", "data/gray"]


def _release() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(Path("recipes/release.yaml").read_text())
    return content


def test_the_example_has_the_texts_that_are_looked_for() -> None:
    release = yaml.safe_load((ROOT / "recipes/release.yaml").read_text())
    assert (release["name"], release["author"]) == (example_release.NAME, example_release.AUTHOR)
    assert release["description"] == example_release.DESCRIPTION
    assert tuple(release["card"]["intended_use"]) == example_release.INTENDED_USE
    assert tuple(release["card"]["limits"]) == example_release.LIMITS


def test_a_newcomer_who_says_nothing_gets_a_card_that_states_nothing(
    own_data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = _release()
    assert main(["init", "gray", *own_data]) == 0
    printed = capsys.readouterr().out
    assert "wrote the texts of recipes/release.yaml, which described the example\n" in printed
    assert "  fill in license in recipes/release.yaml\n" in printed
    assert (
        "  write author, description, card.intended_use, card.limits in recipes/release.yaml: "
        "not stated yet\n"
    ) in printed
    assert _release() == {
        **before,
        "name": "gray",
        "author": "Not stated.",
        "license": "???",
        "description": "Not stated.",
        "card": {"intended_use": ["Not stated."], "limits": ["Not stated."], "contact": None},
    }


def test_texts_of_flags_are_in_the_release_and_its_comments_stay(
    own_data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = _release()
    lines = Path("recipes/release.yaml").read_text().splitlines()
    comments = [line for line in lines if "#" in line]
    assert main(["init", "gray", *own_data, *FLAGS]) == 0
    printed = capsys.readouterr().out
    assert "not stated yet" not in printed
    assert "fill in license" not in printed
    assert _release() == {
        **before,
        "name": "gray",
        "author": "Us",
        "license": "MIT",
        "description": "Tells dark images from light ones.",
        "card": {
            "intended_use": ["Sorting: images.", "Tests"],
            "limits": ["Gray alone."],
            "contact": "https://example.org/ask",
        },
    }
    text = Path("recipes/release.yaml").read_text()
    assert [line for line in comments if line not in text] == []


def test_a_release_of_the_example_and_one_with_texts_of_its_own_stay(
    own_data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    example = Path("recipes/release.yaml").read_text()
    assert main(["init", "more_digits", "--device", "pixel_8"]) == 0
    assert Path("recipes/release.yaml").read_text() == example
    assert main(["init", "gray", *own_data, *FLAGS]) == 0
    own = Path("recipes/release.yaml").read_text()
    assert main(["init", "gray_any", "--device", "android_any", "--data", "gray"]) == 0
    assert Path("recipes/release.yaml").read_text() == own
    assert main(["init", "grayer", *own_data, "--contact", "me"]) == 1
    assert "--contact: recipes/release.yaml does not describe the example any more" in (
        capsys.readouterr().err
    )


def test_a_target_that_cannot_be_written_leaves_the_release_as_it_was(own_data: list[str]) -> None:
    example = Path("recipes/release.yaml").read_text()
    assert main(["init", "gray", *own_data, *FLAGS, "--train", "none"]) == 1
    assert Path("recipes/release.yaml").read_text() == example


def test_a_release_that_is_laid_out_otherwise_is_not_edited(
    own_data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("recipes/release.yaml")
    text = path.read_text().replace("author: The", "author:\n  The")
    path.write_text(text)
    assert release_texts.has_example_texts()
    assert main(["init", "gray", *own_data]) == 1
    assert capsys.readouterr().err == (
        "edgebake: recipes/release.yaml: cannot be edited, for its layout; expected the texts of "
        "your model in the fields description and card: edit it, and run this again\n"
    )
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("description", example_release.DESCRIPTION),
        ("card.intended_use", example_release.INTENDED_USE[0]),
        ("card.limits", example_release.LIMITS[1]),
    ],
)
def test_a_release_of_other_data_with_a_text_of_the_example_is_refused(
    own_data: list[str], capsys: pytest.CaptureFixture[str], key: str, text: str
) -> None:
    attribution = ["--data-author=Us", "--data-license=MIT", "--data-source=here"]
    own_data = ["--device", "android_any", *own_data[2:]]
    assert main(["init", "gray", *own_data, *attribution, *FLAGS]) == 0
    release = _release()
    release["targets"] = ["gray"]
    if key == "description":
        release["description"] = text
    else:
        release["card"][key.removeprefix("card.")].append(text)
    Path("recipes/release.yaml").write_text(yaml.safe_dump(release))
    capsys.readouterr()
    for verb in ("check", "plan"):
        assert main([verb]) == 1
        assert capsys.readouterr().err == (
            f"edgebake: recipes/release.yaml: {key}: {text!r} is a text of the example, and gray "
            'is not made from its data; expected your own words, or "Not stated."\n'
        )

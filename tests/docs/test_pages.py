"""Pages of docs/ and the README: links resolve, diagrams are there, wording is plain."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# Pages about a process or a structure; a diagram shows it.
WITH_DIAGRAM = (
    "README.md",
    "docs/concepts.md",
    "docs/getting_started.md",
    "docs/explanation/coreml.md",
    "docs/explanation/gates.md",
    "docs/explanation/latency.md",
    "docs/explanation/pipeline.md",
    "docs/explanation/pruning.md",
    "docs/explanation/quantization.md",
    "docs/explanation/protection.md",
    "docs/guides/release.md",
    "docs/guides/use_a_bundle.md",
)
# Words that hide who or what is meant.
VAGUE = re.compile(
    r"\b(for one\b(?! of| \w+s\b)|beside|held against|nobody|somebody|whoever|is told)\b",
    re.IGNORECASE,
)
README_LINES = 120


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-"))
    return found


def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)}: {link}: no such file"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{name(page)}: {link}: no such heading"


@pytest.mark.parametrize("page", WITH_DIAGRAM)
def test_a_process_has_a_diagram(page: str) -> None:
    assert "```mermaid" in (ROOT / page).read_text()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_wording_is_plain(page: Path) -> None:
    assert VAGUE.findall(page.read_text()) == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES

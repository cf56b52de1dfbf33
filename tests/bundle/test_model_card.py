"""The model card: every number with where it comes from, and nobody's words taken for markup."""

from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from edgebake.bundle import markdown, model_card
from edgebake.bundle.manifest_types import ManifestBody
from edgebake.recipe import Card
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import PackageParams
from tests.bundle import made

TITLES = [
    "## Model details",
    "## Intended use",
    "## Metrics",
    "## Training data, evaluation data and other components",
    "## Quantitative analyses",
    "### pixel_8",
    "### linux_any",
    "## Caveats and recommendations",
]


@pytest.fixture(autouse=True)
def _planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made.plan(tmp_path)


@pytest.fixture
def content() -> Any:
    return made.content()


def _lines(content: ManifestBody) -> list[str]:
    return _card(content).replace("\\", "").splitlines()


def _card(content: ManifestBody, section: PackageParams | None = None, *untested: str) -> str:
    by_target = dict.fromkeys(content["chain"], untested)
    return model_card.render(content, section or made.section(made.DIGITS), by_target)


def test_it_has_the_sections_of_mitchell_et_al(content: Any) -> None:
    lines = _lines(content)
    assert lines[0] == "# Model card: digits 1.2.0"
    assert [line for line in lines[1:] if line.startswith("#")] == TITLES


def test_every_number_stands_beside_its_interval_its_examples_and_where_it_was_measured(
    content: Any,
) -> None:
    lines = _lines(content)
    assert "| accuracy | 0.97 | 0.957 to 0.98 | 1,000 | host: some runtime 1.0, 1 thread |" in lines
    assert "| size_mb | 0.04 MB | - | - | file |" in lines
    assert "| macs | 76,800,000 | - | - | file |" in lines
    assert "| loss | - | - | - | not measured: no such device here |" in lines


def test_what_another_machine_executed_says_so(content: Any) -> None:
    where = "executed on Linux (edgebake's ML Program executor)"
    content["targets"]["pixel_8"]["metrics"]["accuracy"]["where"] = where
    found = f"| accuracy | 0.97 | 0.957 to 0.98 | 1,000 | {where}: some runtime 1.0, 1 thread |"
    assert found in _lines(content)


def test_gates_stand_with_their_limits_and_waivers(content: Any) -> None:
    lines = _lines(content)
    assert "| accuracy | at least 0.95 | 95 % | passed |" in lines
    assert "| size_mb | at most 0.03 | 97.5 % | waived |" in lines
    assert "- size_mb, by Ada until 2999-12-31: one release" in lines
    content["targets"] = {
        name: {**target, "waivers": []} for name, target in content["targets"].items()
    }
    assert "No gate is waived." in _lines(content)


def test_steps_fit_one_line_however_many_numbers_they_hold(content: Any) -> None:
    lines = _lines(content)
    assert (
        "- Before the model: decode (colour grey), then resize (width 32, height 32, filter "
        "bilinear, antialias yes), "
        "then normalize (mean 127.5, scale 0.00784314)"
    ) in lines
    assert (
        "- After the model: decode_boxes (boxes corners, anchors of 1,917), then top_k (k 3, "
        "threshold 0.5, labels "
        "models/digits-litert.labels.txt)"
    ) in lines


def test_it_says_how_it_was_made_from_what_and_under_which_license(content: Any) -> None:
    lines = _lines(content)
    for line in (
        "- License: Apache-2.0",
        "- Architecture: ds_cnn",
        "- Commit: 0123456789abcdef0123456789abcdef01234567",
        "- Signed by: unsigned",
        "- For: Pixel 8, system 34 or newer",
        "- Runs on: litert: npu, cpu",
        "- Scheme: int8",
        "- Tools: ai-edge-litert 2.3.0, tensorflow 2.20.0",
        f"- Recipe: sha256 {made.SHA256}",
        "- Protection: none",
        "| data | Handwritten Digits | CC-BY-4.0 | allow | <https://doi.org/10.24432/C50P49> |",
        "- Reading digits.",
        "- Nothing but digits.",
    ):
        assert line in lines


def test_it_says_who_signed_and_what_was_not_committed(content: Any) -> None:
    content["signature"] = {"algorithm": "ecdsa-sha2-nistp256", "key_id": "cd" * 32}
    content["source"]["dirty"] = True
    lines = _lines(content)
    assert f"- Signed by: key {'cd' * 32} (ecdsa-sha2-nistp256)" in lines
    commit = content["source"]["git_commit"]
    assert f"- Commit: {commit}, with changes that were not committed" in lines


def test_latency_is_not_in_it_and_it_says_where_it_is(content: Any) -> None:
    assert "android.measurements.json next to the bundle" in " ".join(_lines(content))


def test_the_same_manifest_gives_the_same_card(content: Any) -> None:
    assert _card(content) == _card(made.content())


def test_classes_without_test_examples_are_named(content: Any) -> None:
    card = _card(content, None, "<b>", "fox", *"cdefg")
    line = "- Not tested: &lt;b&gt;, fox, c, d, e and 2 more: no test example of these classes"
    assert card.count(line) == len(content["chain"])
    assert "Not tested" not in _card(content)


EVIL = [
    "<script>alert(1)</script>",
    "[here](javascript:alert(1))",
    "![picture](https://example.org/seen.png)",
    "a | b | c",
    "`code` **bold** _slanted_ ~~gone~~",
    "one\n\n# Heading\n\n- point",
    "# Heading",
    "- point",
    "+ point",
    "1. point",
    "2) point",
    "---",
    "===",
    "> said",
    "&lt;b&gt; &#60;",
    "\\`x`",
    "<https://example.org>",
    "    indented",
    "[ref]: https://example.org",
    "left\u202eright",
    "_a_b_ __c__ d_e",
    "_ _ _",
]


def _shown(text: str) -> str:
    """Return what a reader is to see of a text: all of it, in one line."""
    return " ".join(text.replace("\u202e", " ").split())


@pytest.mark.parametrize("text", EVIL)
def test_words_of_a_recipe_are_shown_and_do_nothing(text: str) -> None:
    tokens = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .parse(f"- {markdown.escape_markdown(text)}")
    )
    kinds = ["bullet_list_open", "list_item_open", "paragraph_open", "inline"]
    assert [token.type for token in tokens] == [
        *kinds,
        "paragraph_close",
        "list_item_close",
        "bullet_list_close",
    ]
    inline = tokens[3].children or []
    assert {token.type for token in inline} <= {"text", "text_special"}
    assert "".join(token.content for token in inline) == _shown(text)


@pytest.mark.parametrize("text", EVIL)
def test_words_of_a_recipe_change_no_table_and_no_heading(text: str, content: Any) -> None:
    content["licenses"][0] |= {"name": text, "source": text}
    content["description"] = content["author"] = text
    content["targets"]["pixel_8"]["metrics"]["loss"]["reason"] = text
    content["targets"]["pixel_8"]["waivers"][0]["reason"] = text
    section = made.section(made.DIGITS, about=ReleaseInfo(*[text] * 5), card=Card([text], [text]))
    assert _shape(_card(content, section)) == _shape(_card(made.content()))


def _shape(text: str) -> list[str]:
    """Return the blocks of a Markdown text, what stands in them aside."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert not [
        child
        for token in tokens
        for child in token.children or []
        if child.type in ("html_inline", "image")
    ]
    return [token.type for token in tokens]


def test_what_computes_in_float_is_said_beside_the_scheme(content: Any) -> None:
    content["targets"]["pixel_8"]["in_float"] = {
        "operators": {"PRELU": 2, "TILE": 1},
        "macs_share": 0.0,
    }
    expected = "- Scheme: int8; in float: 2 PRELU, 1 TILE, 0.0 % of the multiply-accumulates"
    assert expected in _lines(content)

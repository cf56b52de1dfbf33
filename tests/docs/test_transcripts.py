"""Pages show what their commands print: the commands are run on a release that was built.

Guards that no page shows a command that has gone, or an output that has changed.
Slow: a release has to be built.
"""

import re
import shutil
import sys
from pathlib import Path

import pytest

from docs import transcripts
from tests import builds

ROOT = Path(__file__).parents[2]
PAGES = list(transcripts.pages(ROOT))
COMMANDS = sorted({command for page in PAGES for command in transcripts.blocks(page.read_text())})


def shape(output: str) -> list[str]:
    """Return lines without the numbers, column widths and processors, which differ by machine.

    The marks of timings are left out as well: tests run next to each other.
    """
    lines = []
    for line in output.replace(" ms*", " ms").splitlines():
        if line.startswith("*: "):
            continue
        without_processor = re.sub(r"^(host|executor): .*", r"\1", line)
        without_processor = re.sub(r"host \([^,)]+", "host (processor", without_processor)
        without_numbers = re.sub(r"(?<!\w)-?\d[\d,.]*|\d[\d,.]*", "#", without_processor)
        lines.append(re.sub(r"[\s─]+", " ", without_numbers).strip())
    return lines


def rerun(project: Path, folder: Path) -> dict[str, str]:
    """Run the script in a built project; return the outputs by command."""
    shutil.copytree(project, folder, symlinks=True)
    for page in PAGES:
        destination = folder / page.relative_to(ROOT)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, destination)
    done = builds.run(folder, sys.executable, str(ROOT / "docs/transcripts.py"))
    assert done.returncode == 0, done.stderr
    outputs: dict[str, str] = {}
    for page in transcripts.pages(folder):
        outputs |= transcripts.blocks(page.read_text())
    return outputs


def test_pages_have_transcripts() -> None:
    assert len(COMMANDS) >= 4


@pytest.mark.release
def test_pages_show_what_commands_print(built: Path, tmp_path: Path) -> None:
    outputs = rerun(built, tmp_path / "project")
    for page in PAGES:
        for command, shown in transcripts.blocks(page.read_text()).items():
            assert shape(outputs[command]) == shape(shown), f"{page}: {command}"


@pytest.mark.slow
def test_commands_of_pages_run_on_a_small_release(quick_release: Path, tmp_path: Path) -> None:
    outputs = rerun(quick_release, tmp_path / "project")
    assert sorted(outputs) == COMMANDS
    empty = [command for command, output in outputs.items() if not output.strip()]
    # The small release prunes nothing, so it has no table of pruning.
    assert [command for command in empty if "pruned" not in command] == []


def test_a_failed_command_changes_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "README.md"
    text = "<!-- transcript: echo new; exit 3 | cat -->\n```text\nold\n```\n"
    page.write_text(text)
    monkeypatch.chdir(tmp_path)
    assert transcripts.main() == 1
    assert page.read_text() == text
    assert capsys.readouterr().err == "echo new; exit 3 | cat: exit code 3\nnew\n\n"


def test_a_command_fills_its_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "README.md").write_text("<!-- transcript: printf 'a  \\nb' -->\n```text\n```\n")
    monkeypatch.chdir(tmp_path)
    assert transcripts.main() == 0
    expected = "<!-- transcript: printf 'a  \\nb' -->\n```text\na\nb\n```\n"
    assert (tmp_path / "README.md").read_text() == expected

"""Write the output of commands into the pages that show it.

A page marks a block with the command that prints it:

    <!-- transcript: edgebake gate pixel_8 -->
    ```text
    (the output)
    ```

`python docs/transcripts.py` runs every such command in the current project, which has to be built,
and writes the pages. The slow tests run it on a small release.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

BLOCK = re.compile(
    r"(?P<head><!-- transcript: (?P<command>.+?) -->\n```text\n)(?P<output>.*?)(?P<tail>```\n)",
    re.DOTALL,
)


def main() -> int:
    """Rewrite the pages of the current project; return 1 if a command failed."""
    failures: list[str] = []
    for page in pages(Path.cwd()):
        text = page.read_text()
        page.write_text(BLOCK.sub(lambda match: _rerun(match, failures), text))
    for failure in failures:
        sys.stderr.write(f"{failure}\n")
    return 1 if failures else 0


def pages(project: Path) -> Iterator[Path]:
    """Yield the pages of a project that may have transcripts."""
    yield project / "README.md"
    yield from sorted((project / "docs").rglob("*.md"))


def blocks(text: str) -> dict[str, str]:
    """Return the output that a page shows, by command."""
    return {match["command"]: match["output"] for match in BLOCK.finditer(text)}


def _rerun(match: re.Match[str], failures: list[str]) -> str:
    output, code = run(match["command"])
    if code != 0:
        failures.append(f"{match['command']}: exit code {code}\n{output}")
        return match[0]
    return f"{match['head']}{output}{match['tail']}"


def run(command: str) -> tuple[str, int]:
    """Run a command of a page in the current folder; return its output and exit code."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120"}
    # The output of the last command of a pipe alone would hide that an earlier one failed.
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    return "\n".join([*lines, ""]), done.returncode


if __name__ == "__main__":
    sys.exit(main())

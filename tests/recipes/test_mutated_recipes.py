"""Every YAML file of recipes/, broken at random: refused in one message that names the file."""

from pathlib import Path

import pytest

from tests.recipes import mutations

COUNT = 60
SEED = 1


@pytest.mark.slow
def test_mutated_recipes_are_refused_with_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards recipes against tracebacks, hangs and words of libraries.

    Slow: sixty runs of `edgebake check`, 40 seconds on one core.
    """
    mutations.project(tmp_path)
    monkeypatch.chdir(tmp_path)
    complaints: list[str] = []
    codes: set[int] = set()
    for mutant, wrong, outcome in mutations.run(COUNT, SEED):
        codes.add(outcome.code)
        if wrong:
            complaints.append(f"{mutant}: {wrong}: {outcome.output[-500:]}")
    assert complaints == []
    assert codes == {0, 1}  # some mutants, for example of comments, are sound

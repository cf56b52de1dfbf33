"""Files that list themselves, or options that do not exist, are named before Hydra follows them."""

from pathlib import Path

import pytest

from edgebake.cli.main import main
from edgebake.errors import listed
from edgebake.recipe import files
from tests.builds import edit

NO_KEY = "expected the key of an option, for example prune.fine_tune"


@pytest.mark.parametrize(
    "case",
    [
        (
            "prune/channels.yaml",
            "- /train@fine_tune: fine_tune",
            "- channels",
            "defaults: lists itself (recipe > prune/channels > prune/channels); "
            "expected other options",
        ),
        (
            "train/fine_tune.yaml",
            "epochs: 20",
            "defaults: [distill, scratch, fine_tune]\nepochs: 20",
            "defaults: fine_tune: lists itself",
        ),
        (
            "prune/channels.yaml",
            "- /train@fine_tune: fine_tune",
            "- /train@fine_tun: fine_tune",
            f"defaults: no key 'prune.fine_tun'; {NO_KEY}",
        ),
        (
            "prune/channels.yaml",
            "- /train@fine_tune: fine_tune",
            "- /train@fine_tune: fine_tuned",
            f"train: no option 'fine_tuned'; expected one of: {listed(files.options('train'))}; "
            "did you mean 'fine_tune'?",
        ),
        (
            "prune/channels.yaml",
            "  - /train@fine_tune: fine_tune",
            "  /train@fine_tune: fine_tune",
            "defaults: a mapping; expected a list, for example `- override /quantize: int8`",
        ),
        (
            "prune/channels.yaml",
            "- /train@fine_tune: fine_tune",
            "- 3",
            "defaults: 3; expected entries like `- override /quantize: int8`",
        ),
        (
            "target/galaxy_a14.yaml",
            "override /prune: channels",
            "/prune: channels",
            "defaults: '- /prune: ...'; expected '- override /prune: channels'",
        ),
        (
            "target/galaxy_a14.yaml",
            "override /prune: channels",
            "override /prune: channels\n  - override /prune: none",
            "defaults: prune is listed twice; expected once",
        ),
        (
            "target/galaxy_a14.yaml",
            "override /prune: channels",
            "override /prune: [channels]",
            "prune: a list; expected one of: channels, cluster, magnitude, magnitude_2_of_4, none",
        ),
        (
            "prune/channels.yaml",
            "- /train@fine_tune: fine_tune",
            "- override /prune: channels",
            "defaults: '- override /prune: ...': an option overrides none; expected it in a target",
        ),
        (
            "prune/channels.yaml",
            "- /train@fine_tune: fine_tune",
            "- /target: pixel_8",
            "defaults: '- /target: ...': names a target; expected an option",
        ),
        (
            "target/galaxy_a14.yaml",
            "override /prune: channels",
            "override /target: pixel_8",
            "defaults: '- override /target: ...': names a target; expected an option",
        ),
        (
            "target/galaxy_a14.yaml",
            "override /prune: channels",
            "override /p",
            "defaults: 'override /p': no target; "
            "expected entries like `- override /quantize: int8`",
        ),
        (
            "recipe.yaml",
            "- schema",
            "# schema",
            "defaults: no '- schema'; expected it as the first entry",
        ),
        (
            "recipe.yaml",
            "  - package: bundle\n",
            "",
            "defaults: no '- package: ...'; expected one of each group",
        ),
        (
            "quantize/int8.yaml",
            "scheme: int8",
            "# @package train\nscheme: int8",
            "'# @package train', which only targets have; expected no such line: an option is "
            "merged below quantize",
        ),
    ],
)
def test_wrong_defaults_are_named_with_their_file(
    project: Path, capsys: pytest.CaptureFixture[str], case: tuple[str, str, str, str]
) -> None:
    file, old, new, message = case
    path = f"recipes/{file}"
    edit(project / path, old, new)
    assert main(["check"]) == 1
    error = capsys.readouterr().err.strip()
    if "fine_tune: lists itself" in message:
        assert error.startswith(f"edgebake: {path}: defaults: lists itself (recipe > prune")
    else:
        assert error.startswith(f"edgebake: {path}: ")
        assert error.endswith(message)

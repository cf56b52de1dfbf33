"""Run one stage for one variant: read its section, keep it quiet, publish its output whole or not at all."""

import sys

from rich.console import Console

from edgebake import artifacts, plugins
from edgebake.errors import EdgebakeError, PlanError
from edgebake.execution import stage_log
from edgebake.plan import code_digest
from edgebake.recipe import stage_params
from edgebake.stages.job import Job


def run(stage: str, variant: str) -> None:
    """Run a stage and print one line about what came out.

    Raises:
        EdgebakeError: for everything that the user can mend; nothing half-written stays behind.
    """
    section = stage_params.read(stage, variant)
    _refuse_other_tools(stage, variant, getattr(section, "tools", {}))
    target = artifacts.folder(stage, variant, getattr(section, "platform", None))
    log = target.with_name(f"{target.name}.log")
    try:
        with stage_log.quiet(log) as console, artifacts.published(target) as out:
            imported_before = set(sys.modules)
            module = plugins.load_stage(stage)
            line = module.run(Job(variant, section, out, console))
            code_digest.refuse_unlisted(stage, variant, sys.modules.keys() - imported_before)
    except EdgebakeError:
        raise
    except OSError as error:
        raise artifacts.disk_trouble(error, target) from error
    except Exception as error:
        reason = plugins.blame(error) or f"{type(error).__name__}: {error}"
        raise EdgebakeError(f"{stage} {variant}: {reason}; the whole story is in {log}") from error
    Console(highlight=False, soft_wrap=True).print(f"{stage} {variant}: {line}")


def _refuse_other_tools(stage: str, variant: str, planned: dict[str, str]) -> None:
    installed = plugins.tools(*planned)
    for name, version in planned.items():
        if installed[name] != version:
            raise PlanError(
                f"{stage_params.PARAMS}: {stage}.{variant}.tools.{name}: planned with {version}, installed is "
                f"{installed[name]}; expected the same: run `edgebake plan`"
            )

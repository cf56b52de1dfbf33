"""Run one stage for one variant, and publish its output atomically."""

import sys

from edgebake import artifacts, plugins
from edgebake.child_process.child import imported_modules
from edgebake.errors import EdgebakeError, PlanError
from edgebake.execution import stage_log
from edgebake.machine import turns
from edgebake.plan import code_digest
from edgebake.recipe import stage_params
from edgebake.stages.job import Job
from edgebake.terminal import progress
from edgebake.terminal.console import Terminal


def run(stage: str, variant: str) -> None:
    """Run a stage and print one line about its output.

    Raises:
        EdgebakeError: the stage failed; nothing half-written is left.
    """
    params = stage_params.read(stage, variant)
    tools = getattr(params, "tools", {})
    _check_tools(stage, variant, tools)
    platform = getattr(params, "platform", None)
    folder = artifacts.folder(stage, variant, platform)
    log = folder.with_name(f"{folder.name}.log")
    try:
        with (
            stage_log.quiet(log) as console,
            progress.bar(console, f"{stage} {variant}"),
            turns.working(),
            artifacts.publish(folder) as out,
        ):
            imported_before = set(sys.modules)
            module = plugins.load_stage(stage)
            job = Job(variant, params, out)
            line = module.run(job)
            imported = (sys.modules.keys() - imported_before) | imported_modules
            code_digest.refuse_unlisted(stage, variant, imported)
    except EdgebakeError:
        raise
    except OSError as error:
        raise artifacts.disk_trouble(error, folder) from error
    except Exception as error:
        reason = plugins.error_in_plugin(error) or f"{type(error).__name__}: {error}"
        raise EdgebakeError(f"{stage} {variant}: {reason}; the traceback is in {log}") from error
    console = Terminal()
    console.print(f"{stage} {variant}: {line}")


def _check_tools(stage: str, variant: str, planned: dict[str, str]) -> None:
    """Check that the installed tools have the versions of the plan."""
    installed = plugins.tools(*planned)
    for name, version in planned.items():
        if installed[name] != version:
            raise PlanError(
                f"{stage_params.PARAMS}: {stage}.{variant}.tools.{name}: planned with {version}, "
                f"installed is {installed[name]}; expected the same: run `edgebake plan`"
            )

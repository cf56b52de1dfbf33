"""A Keras model in, one with less in it out.

Reads train's output. Writes model.keras, contract.json, pruned.json.
"""

import json
import shutil

from pipeline import artifacts, plugins
from pipeline.job import Job
from pipeline.sections import PruneSection


def run(job: Job) -> str:
    """Cut what the recipe says and report what was cut."""
    section: PruneSection = job.section
    source = artifacts.opened(artifacts.folder("train", section.train))
    archive, report = plugins.load("prune.method", section.method).prune((source / "model.keras").read_bytes())
    (job.out / "model.keras").write_bytes(archive)
    (job.out / "pruned.json").write_text(json.dumps({"method": section.method, **report}, indent=2) + "\n")
    shutil.copy(source / "contract.json", job.out)
    return "kept whole" if not report["cut"] else f"{len(report['cut'])} layers cut"

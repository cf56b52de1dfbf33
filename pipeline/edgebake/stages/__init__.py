"""Stages of dvc.yaml, one file each.

`run(job)` of a module reads the artifacts of earlier stages, writes its own, and returns one line
for the terminal. `write()` of parity, revision and sign does so without a job.
"""

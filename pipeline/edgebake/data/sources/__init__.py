"""Data sources, one module each, named by `data.source`.

A source defines `count(data)`, the number of examples by split, and `columns(data)`, the names of
further columns; both are cheap, since the planner calls them. `load(data)` returns all examples,
whose images are decoded when they are read. `TOOLS` are the distributions that it reads with, and
`WORDS` the fields of `data` that only this source has.
"""

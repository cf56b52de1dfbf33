"""Data sources, one module each, named by `data.source`.

A source defines `count(data)`, the number of examples by split, and `columns(data)`, the names of
further columns; both are cheap, since the planner calls them. `load(data)` returns all examples,
whose images are decoded when they are read. `TOOLS` are the distributions that it reads with, and
`WORDS` the fields of `data` that only this source has. `RUNS_CODE = True` says that `count` and
`columns` run code that the recipe names; verbs that only look at recipes do not call them then.
`LISTS_LABELS = True` says that `load` is cheap until an image is read; planning then calls it, to
find classes that a split lacks.
"""

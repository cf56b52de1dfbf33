"""Sources of examples, one file each.

count(data), by the split that the source says, and columns(data) are cheap; load(data) returns all, images decoded when
they are asked for. TOOLS are the distributions that are read with, WORDS the words of `data` that only this source has.
"""

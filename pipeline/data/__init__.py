"""Sources of examples, one file each.

count(data) and columns(data) are cheap, load(data) returns all; TOOLS are the distributions that are read with.
"""

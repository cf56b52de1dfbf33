"""Sources of examples, one file each.

count(data) is cheap, load(data) returns all; TOOLS are the distributions that are read with.
"""

"""Pruning methods, one module each: prune(original, options) -> PrunedModel; `none` prunes nothing.

WORDS names the options of `prune` that a method needs, ONE_OF the alternatives of which one has to
be given, and TOOLS the distributions that it computes with.
"""

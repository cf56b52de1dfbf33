"""Pruners, one file each: prune(parent, words) -> a smaller model and what was cut; `none` alone cuts nothing."""

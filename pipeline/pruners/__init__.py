"""Pruners, one file each: prune(archive) -> the pruned model's archive and what was cut."""

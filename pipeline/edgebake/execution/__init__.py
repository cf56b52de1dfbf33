"""Execution of stages: one variant, the whole release on this machine, or a rebuild of a bundle."""

"""Run stages: one variant at a time, or a whole build on this machine."""

"""Measurements and a budget in, a verdict per gate out. Reads and writes nothing, but for findings.py."""

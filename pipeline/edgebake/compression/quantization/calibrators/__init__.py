"""Calibration methods, one module each: find(histogram, options) -> (low, high).

WORDS names the options of `quantize.calibration` that a method needs besides samples and seed.
Zero is added to the range afterwards.
"""

"""Ways to choose the range of a value, one file each: find(seen, words) -> (low, high).

WORDS are those of `quantize.calibration` that it needs beside examples and seed. Zero is put into the range afterwards.
"""

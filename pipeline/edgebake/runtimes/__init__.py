"""Runtimes, one folder each, all with the same files.

__init__.py   facts: SCHEMES it can carry, INT8_OPERATORS that int8 activations reach, the distributions it converts and
              runs with, the name of its file
convert.py    convert(...) -> the files that ship, by relative name; imports TensorFlow
inspect.py    inspect(files) -> inputs, outputs, operators and dtypes of what was written
parts.py      parts(files) -> the content of what was written, cut into parts with names, to compare two files by
strip.py      strip(files) -> the files without names, texts and metadata, which answer with the same bits
metadata.py   puts labels and the input contract into the file's own metadata
run.py        ways(files) in which this machine runs them; load(files, threads, way) -> a Session
"""

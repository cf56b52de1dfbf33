"""Runtimes: one folder each, which ends with an object of the protocol in interface.py.

__init__.py   facts, and the object RUNTIME
convert.py    a quantized model to the files that ship; imports TensorFlow
encoders/     a module for each family of schemes: SCHEMES that it writes, and encode(...)
inspect.py    what was written: input, output, operators, dtypes
parts.py      the same cut into parts with names, to compare two files by
strip.py      the same without names, texts and metadata
metadata.py   puts labels and the input contract into the file's own metadata
run.py        the modes in which this machine runs the files, and a session of one
workload.py   what the files compute; placement.py: what an accelerator cannot run
"""

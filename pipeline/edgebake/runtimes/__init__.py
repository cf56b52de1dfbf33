"""Runtimes: one package per inference engine, with an implementation of interface.Runtime.

__init__.py      facts about the runtime, and the object RUNTIME
convert.py       writes the model file from a quantized model; imports TensorFlow
encoders/        one module per family of schemes: SCHEMES that it writes, and encode(...)
inspect.py       reads input, output, operators and dtypes of the written file
named_parts.py   splits the file into named parts, so that two files can be compared
strip.py         removes names, texts and metadata
metadata.py      writes labels and the input contract into the file's own metadata
run.py           lists the modes in which this machine runs the file, and loads a session
workload.py      counts what the file computes and moves
placement.py     tells which operators an accelerator cannot run
"""

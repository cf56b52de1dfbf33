"""Executes an ML Program where Core ML does not exist: on Linux, by way of ONNX Runtime.

package.py    the files of an .mlpackage -> Apple's messages (one folder up, shared with inspect)
program.py    -> operations and constants; constants.py reads values, decompression.py compressed weights
translation.py   -> an ONNX model, operator by operator: operators/, one function each
executor.py   -> answers

What it computes is the program that ships, on the weights that ship. It is not Core ML: hardware may sum in another
order, and numbers from here are labelled as what they are.
"""

LABEL = "executed on Linux (edgebake's ML Program executor)"
"""What a measurement from here says of where it was made."""

"""Execute an ML Program where Core ML does not exist: on Linux, with ONNX Runtime.

package.py (one folder up)   files of an .mlpackage -> Apple's protobuf messages
program.py                   messages -> operations and constants; constants.py reads values,
                             decompression.py restores compressed weights
translation.py               operations -> an ONNX model; operators/ has one function per operator
executor.py                  inputs -> outputs, in ONNX Runtime

The program and the weights are those of the package that ships. The results are not Core ML's:
hardware may sum in another order. Measurements made here carry LABEL for that reason.
"""

LABEL = "executed on Linux (edgebake's ML Program executor)"
"""Names the executor in measurements that were made with it."""

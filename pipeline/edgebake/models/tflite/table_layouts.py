"""Layout of the tables in a .tflite file: in which fields other parts of the file lie.

Fields are named by their place in a vtable, as in the generated parser: the first has the place 4.
Tables that are not listed hold scalars only. Source: schema.fbs of TensorFlow Lite;
tests/models/tflite/test_table_layouts.py compares it with the generated parser.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ai_edge_litert import schema_py_generated as schema


@dataclass(frozen=True)
class TableLayout:
    """Places of the fields of a table that refer to another part of the file."""

    vectors: tuple[int, ...] = ()  # strings, and vectors of scalars
    tables: Mapping[int, str] = field(default_factory=dict)  # place -> name of the table
    table_vectors: Mapping[int, str] = field(default_factory=dict)  # place -> name of the tables
    # Place -> name of the table by number; the number lies in the field before.
    unions: Mapping[int, Mapping[int, str]] = field(default_factory=dict)


def _members(union: type) -> dict[int, str]:
    """Return the name of the table behind each number of a union."""
    names: dict[int, str] = {}
    for name, number in vars(union).items():
        if isinstance(number, int) and number:  # 0: none
            names[number] = name
    return names


SCALARS_ONLY = TableLayout()
_SPARSE_INDICES = _members(schema.SparseIndexVector)
LAYOUTS = {
    "Model": TableLayout(
        vectors=(10, 14),
        table_vectors={
            6: "OperatorCode",
            8: "SubGraph",
            12: "Buffer",
            16: "Metadata",
            18: "SignatureDef",
            20: "ExternalBufferGroup",
            22: "ExternalBuffer",
        },
    ),
    "SubGraph": TableLayout(vectors=(6, 8, 12), table_vectors={4: "Tensor", 10: "Operator"}),
    "Tensor": TableLayout(
        vectors=(4, 10, 18),
        tables={12: "QuantizationParameters", 16: "SparsityParameters"},
        table_vectors={22: "VariantSubType"},
    ),
    "Operator": TableLayout(
        vectors=(6, 8, 14, 18, 20),
        unions={12: _members(schema.BuiltinOptions), 28: _members(schema.BuiltinOptions2)},
    ),
    "QuantizationParameters": TableLayout(
        vectors=(4, 6, 8, 10), unions={14: _members(schema.QuantizationDetails)}
    ),
    "SparsityParameters": TableLayout(vectors=(4, 6), table_vectors={8: "DimensionMetadata"}),
    "DimensionMetadata": TableLayout(unions={10: _SPARSE_INDICES, 14: _SPARSE_INDICES}),
    "SignatureDef": TableLayout(vectors=(8,), table_vectors={4: "TensorMap", 6: "TensorMap"}),
    "OperatorCode": TableLayout(vectors=(6,)),
    "Buffer": TableLayout(vectors=(4,)),
    "Metadata": TableLayout(vectors=(4,)),
    "TensorMap": TableLayout(vectors=(4,)),
    "VariantSubType": TableLayout(vectors=(4,)),
    "ExternalBufferGroup": TableLayout(vectors=(4,)),
    "ExternalBuffer": TableLayout(vectors=(12,)),
    "Int32Vector": TableLayout(vectors=(4,)),
    "Uint16Vector": TableLayout(vectors=(4,)),
    "Uint8Vector": TableLayout(vectors=(4,)),
    "CustomQuantization": TableLayout(vectors=(4,)),
    "BlockwiseQuantization": TableLayout(vectors=(10,)),
    "MultiAxisQuantization": TableLayout(vectors=(10,)),
    # Options of operators.
    "BucketizeOptions": TableLayout(vectors=(4,)),
    "ConcatEmbeddingsOptions": TableLayout(vectors=(6, 8)),
    "FullyConnectedOptions": TableLayout(vectors=(14,)),
    "ReshapeOptions": TableLayout(vectors=(4,)),
    "SqueezeOptions": TableLayout(vectors=(4,)),
    "VarHandleOptions": TableLayout(vectors=(4, 6)),
    "StableHLOCompositeOptions": TableLayout(vectors=(4, 8)),
    "StablehloBroadcastInDimOptions": TableLayout(vectors=(4,)),
    "StablehloCaseOptions": TableLayout(vectors=(4,)),
    "StablehloConvolutionOptions": TableLayout(vectors=(4, 6, 8, 10, 12, 18, 24, 30, 36)),
    "StablehloCustomCallOptions": TableLayout(vectors=(4, 8, 12, 14)),
    "StablehloDotGeneralOptions": TableLayout(vectors=(4, 6, 8, 10, 12)),
    "StablehloDynamicSliceOptions": TableLayout(vectors=(4,)),
    "StablehloGatherOptions": TableLayout(vectors=(4, 6, 8, 12)),
    "StablehloPadOptions": TableLayout(vectors=(4, 6, 8)),
    "StablehloReduceOptions": TableLayout(vectors=(4,)),
    "StablehloReduceWindowOptions": TableLayout(vectors=(4, 6, 8, 10, 12)),
    "StablehloScatterOptions": TableLayout(vectors=(6, 8, 10)),
    "StablehloSliceOptions": TableLayout(vectors=(4, 6, 8)),
    "StablehloTransposeOptions": TableLayout(vectors=(4,)),
}

"""The layout of .tflite files, compared with the parser that flatbuffers generated."""

import ast
import inspect
import re
from collections.abc import Iterator

from ai_edge_litert import schema_py_generated as schema

from edgebake.models.tflite.table_layouts import LAYOUTS, SCALARS_ONLY

# What a getter does with a field that lies elsewhere in the file.
VECTOR, TABLE, UNION = "_tab.VectorLen(o)", ".Init(self._tab.Bytes", "_tab.Union("
STRING = "_tab.String("


def getters() -> Iterator[tuple[str, int, str, str]]:
    """Yield the table, the place in the vtable, the name and the text of every getter."""
    source = inspect.getsource(schema)
    lines = source.splitlines()
    for table in ast.parse(source).body:
        if not isinstance(table, ast.ClassDef) or table.name.endswith("T"):
            continue
        for function in table.body:
            if not isinstance(function, ast.FunctionDef):
                continue
            text = "\n".join(lines[function.lineno - 1 : function.end_lineno])
            place = re.search(r"_tab\.Offset\((\d+)\)", text)
            if place:
                yield table.name, int(place[1]), function.name, text


def test_every_field_that_lies_elsewhere_is_listed() -> None:
    all_getters = list(getters())
    assert len(all_getters) > 500
    for table, place, name, text in all_getters:
        layout = LAYOUTS.get(table, SCALARS_ONLY)
        if TABLE in text:
            kind = re.search(r"obj = (\w+)\(\)", text)
            assert kind is not None
            tables = layout.table_vectors if "def " in text and ", j)" in text else layout.tables
            assert tables.get(place) == kind[1], (table, name)
        elif UNION in text:
            assert place in layout.unions, (table, name)
        elif STRING in text or (VECTOR in text and name.endswith("Length")):
            assert place in layout.vectors or place in layout.table_vectors, (table, name)


def test_no_other_field_is_listed() -> None:
    places: dict[str, set[int]] = {}
    for table, place, _, text in getters():
        if any(mark in text for mark in (VECTOR, TABLE, UNION, STRING)):
            places.setdefault(table, set()).add(place)
    for table, layout in LAYOUTS.items():
        listed = {*layout.vectors, *layout.tables, *layout.table_vectors, *layout.unions}
        assert listed == places[table], table

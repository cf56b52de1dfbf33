"""Check that every part of a .tflite file lies within it, and that parts are not shared.

FlatBuffers names parts by offsets, and the parser follows any. Where many offsets name the same
part, the parser makes an object for each: 40 KB can describe 25 million tables. Writers of models
do not share tables, so what they describe is never larger than the file. The check visits each part
once.
"""

import struct

from edgebake.models.tflite.table_layouts import LAYOUTS, SCALARS_ONLY

TABLE_BYTES = 8  # the least that a table and the offset that names it take
# Small strings and vectors may be shared.
SHARED_FACTOR, SHARED_BYTES = 2, 1 << 16


def check(model: bytes) -> None:
    """Check the offsets of a file from its root on.

    Raises:
        ValueError: one lies outside the file, or the tables together are larger than the file.
    """
    checker = _Checker(model)
    root = checker.follow_offset(0)
    size = checker.size("Model", root)
    checker.refuse_size(size)


class _Checker:
    def __init__(self, model: bytes) -> None:
        self._model = model
        self._limit = SHARED_FACTOR * len(model) + SHARED_BYTES
        self._sizes: dict[tuple[str, int], int] = {}  # of the tables that were visited
        self._visited = 0  # bytes, as `size` counts them

    def follow_offset(self, position: int) -> int:
        """Return the position that the offset at a position names."""
        offset = self._number("<I", position)
        return position + offset

    def refuse_size(self, size: int) -> None:
        """Refuse what is larger than a file that shares nothing can describe."""
        if size > self._limit:
            raise ValueError(
                f"its tables describe {size:,} bytes or more in a file of {len(self._model):,}; "
                "expected no shared tables"
            )

    def size(self, table: str, position: int) -> int:
        """Return how many bytes a table and all of its parts would take if none were shared."""
        key = (table, position)
        if key not in self._sizes:
            self._sizes[key] = self._unvisited_size(table, position)
        return self._sizes[key]

    def _unvisited_size(self, table: str, position: int) -> int:
        layout = LAYOUTS.get(table, SCALARS_ONLY)
        vtable = self._vtable(position)
        size = TABLE_BYTES
        for place in layout.vectors:
            field = self._field(position, vtable, place)
            if field:
                _, length = self._vector(field, element_size=1)
                size += length
        for place, kind in layout.tables.items():
            field = self._field(position, vtable, place)
            if field:
                size += self._size_behind(kind, field)
        for place, kind in layout.table_vectors.items():
            field = self._field(position, vtable, place)
            if field:
                size += self._size_of_vector(kind, field)
        for place, kinds in layout.unions.items():
            field = self._field(position, vtable, place)
            number_field = self._field(position, vtable, place - 2)
            if field and number_field:
                number = self._number("<B", number_field)
                size += self._size_behind(kinds.get(number, ""), field)
        self._count(size)
        return size

    def _size_behind(self, table: str, position: int) -> int:
        target = self.follow_offset(position)
        return self.size(table, target)

    def _size_of_vector(self, table: str, position: int) -> int:
        start, length = self._vector(position, element_size=4)
        self._count(length)
        size = 0
        for number in range(length):
            size += self._size_behind(table, start + 4 * number)
        return size

    def _count(self, visited: int) -> None:
        """Refuse to go on if vectors overlap so that visiting all of them would take long."""
        self._visited += visited
        if self._visited > 4 * self._limit:
            self.refuse_size(self._visited)

    def _vtable(self, position: int) -> int:
        return position - self._number("<i", position)

    def _field(self, position: int, vtable: int, place: int) -> int:
        """Return the position of a field of a table, 0 if it is missing."""
        if place >= self._number("<H", vtable):
            return 0
        offset = self._number("<H", vtable + place)
        return position + offset if offset else 0

    def _vector(self, position: int, element_size: int) -> tuple[int, int]:
        """Return the position of the first element of a vector or string, and its length."""
        start = self.follow_offset(position)
        length = self._number("<I", start)
        end = start + 4 + element_size * length
        if end > len(self._model):
            raise ValueError(
                f"a vector of {length:,} elements at byte {start:,} ends outside the file"
            )
        return start + 4, length

    def _number(self, form: str, position: int) -> int:
        size = struct.calcsize(form)
        if position < 0 or position + size > len(self._model):
            raise ValueError(f"an offset names byte {position:,}, which lies outside the file")
        (number,) = struct.unpack_from(form, self._model, position)
        return int(number)

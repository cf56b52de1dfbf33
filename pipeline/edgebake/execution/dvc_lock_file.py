"""Read and write dvc.lock as a whole, with the text that DVC would write.

The caller holds DVC's process lock.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dvc.utils.serialize import dumps_yaml, loads_yaml

from edgebake import artifacts

LOCK = Path("dvc.lock")
STAGES = "stages"


class LockFile:
    """The content of dvc.lock, which another DVC process may change during a build."""

    def __init__(self) -> None:
        """Read the file; without one, begin an empty record."""
        self._data = b""
        self._content: dict[str, Any] = _empty()
        self._texts: dict[str, str] = {}  # of the entries, by the name of the stage
        self._read()

    @property
    def stages(self) -> Mapping[str, Any]:
        """The entries by the name of the stage."""
        entries: Mapping[str, Any] = self._content[STAGES]
        return entries

    def update(self, entries: Mapping[str, Any]) -> None:
        """Write entries of stages, if one changed; all else in the file stays.

        An interrupted write leaves the previous file.
        """
        self._read()
        changed = {name: entry for name, entry in entries.items() if self.stages.get(name) != entry}
        if not changed:
            return
        self._content[STAGES] |= changed
        for name in changed:
            self._texts.pop(name, None)
        self._data = self._text().encode()
        artifacts.write(LOCK, self._data)

    def _read(self) -> None:
        """Read the file again if it is not what was read or written last."""
        data = b""
        if LOCK.is_file():
            data = LOCK.read_bytes()
        if data != self._data:
            self._content = _empty() | (loads_yaml(data) or {})
            self._texts.clear()
            self._data = data

    def _text(self) -> str:
        texts = []
        for key, value in self._content.items():
            if key == STAGES:
                texts += [f"{STAGES}:\n", *map(self._entry_text, value)]
            else:
                texts.append(dumps_yaml({key: value}))
        return "".join(texts)

    def _entry_text(self, name: str) -> str:
        if name not in self._texts:
            document = dumps_yaml({STAGES: {name: self.stages[name]}})
            self._texts[name] = document.removeprefix(f"{STAGES}:\n")
        return self._texts[name]


def _empty() -> dict[str, Any]:
    return {"schema": "2.0", STAGES: {}}

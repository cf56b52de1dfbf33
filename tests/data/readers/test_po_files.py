"""Messages of .po files: plurals, comments, obsolete and fuzzy entries."""

from pathlib import Path

import pytest

from edgebake.data.readers import po_files
from edgebake.data.readers.po_files import Message
from edgebake.errors import DataError

CONTENT = """# header
msgid ""
msgstr "Language: de\\n"

#: admin.py:1
msgid "Save"
msgstr "Sichern"

#, python-format
msgctxt "of a list"
msgid ""
"two "
"lines"
msgstr ""
"zwei\\t"
"Zeilen"
#, fuzzy
msgid "unsure"
msgstr "unsicher"

msgid "%d day"
msgid_plural "%d days"
msgstr[0] "%d Tag"
msgstr[1] "%d Tage"

msgid "untranslated"
msgstr ""

#~ msgid "gone"
#~ msgstr "fort"
"""


def test_translated_messages_are_read_and_no_others(tmp_path: Path) -> None:
    file = tmp_path / "django.po"
    file.write_text(CONTENT)
    assert po_files.read(file) == [
        Message("Save", "Sichern"),
        Message("two lines", "zwei\tZeilen"),
        Message("%d day", "%d Tag"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'msgid "\xff"\n', "F: not UTF-8; expected a .po file in UTF-8"),
        (b"msgid open\n", "F: line 1 is neither a field nor a text; expected .po"),
        (b'msgid "a" "\n', "F: line 1 holds no text; expected .po"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "django.po"
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        po_files.read(file)
    assert str(error.value).replace(str(file), "F") == message


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "django.po"
    with file.open("wb") as content:
        content.truncate((16 << 20) + 1)
    with pytest.raises(DataError, match="16,777,217 bytes; expected at most 16,777,216"):
        po_files.read(file)

"""Sentences of Django's translations, labeled by their language: 12 languages, split by message.

Reads the .po files of the installed Django as files; Django is never imported.
Source: https://docs.djangoproject.com/en/stable/internals/contributing/localizing/
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edgebake.data.readers import labels, po_files
from edgebake.errors import DataError, HostError, listed
from edgebake.recipe import Data, plugin_options

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples

KIND = "text"
TOOLS = ("django",)
WORDS = ()
LISTS_LABELS = True
OPTIONS_KEY = "data.source_options"
LANGUAGES = ("cs", "da", "de", "es", "fr", "hu", "it", "nl", "pl", "pt", "sv", "tr")
SHORTEST = 12  # characters; shorter texts are names more often than sentences
# Placeholders, tags, entities and quotation marks, which look alike in every language.
NO_LANGUAGE = re.compile(r"%\(\w+\)\w|%[dirs]|\{\w*\}|<[^>]*>|&\w+;|[`*_\u201c\u201d\"']")
LENGTHS = ((24, "short"), (48, "medium"))  # UTF-8 bytes, below; longer ones are long


@dataclass
class Options:
    """Options of the source `django_translations`: languages, and the number of messages."""

    # Languages, by the names of Django's folders; each is a class.
    languages: list[str] = field(default_factory=lambda: list(LANGUAGES))
    # Messages whose translations are read, in the order of their texts; null: all.
    messages: int | None = None


class Sentence(NamedTuple):
    """A translation, and the English message that it translates."""

    text: str
    language: str
    message: str


def count(data: Data) -> dict[str, int]:
    """Return the number of sentences, which have no splits of their own.

    Raises:
        DataError: an option is unknown or wrong, or the recipe asks for splits of the source.
        HostError: Django is not installed.
    """
    labels.check_splits(data, [], "examples that do")
    return {"": len(_find_sentences(data))}


def bundled_file() -> Path:
    """Return the metadata of the installed Django, which tell the release of its translations.

    Raises:
        HostError: Django is not installed.
    """
    django = _distribution()
    metadata = [file for file in django.files or () if file.name == "METADATA"]
    return Path(str(django.locate_file(metadata[0])))


def columns(_: Data) -> list[str]:
    """Return the columns: the message, which no two splits should share, and the length."""
    return ["message", "length"]


def load(data: Data) -> Examples:
    """Return all sentences, as texts.

    Raises:
        DataError: an option is unknown or wrong, or the recipe asks for splits of the source.
        HostError: Django is not installed.
    """
    from edgebake.data.dataset import Examples

    count(data)
    sentences = _find_sentences(data)
    classes, indices = labels.encode_names(data, [sentence.language for sentence in sentences])
    messages = sorted({sentence.message for sentence in sentences})
    number_of = {message: number for number, message in enumerate(messages)}
    message_column = [f"message {number_of[sentence.message]}" for sentence in sentences]
    names = []
    for sentence in sentences:
        names.append(f"message {number_of[sentence.message]}, {sentence.language}")
    return Examples(
        [sentence.text for sentence in sentences],
        np.array(indices, np.int64),
        classes,
        columns={
            "message": message_column,
            "length": [_length_of(sentence.text) for sentence in sentences],
        },
        names=names,
        splits=[""] * len(sentences),
    )


def _length_of(text: str) -> str:
    size = len(text.encode())
    for limit, name in LENGTHS:
        if size < limit:
            return name
    return "long"


def _options(data: Data) -> Options:
    return plugin_options.typed(data.source_options, Options, OPTIONS_KEY)


def _find_sentences(data: Data) -> tuple[Sentence, ...]:
    options = _options(data)
    if len(set(options.languages)) < max(2, len(options.languages)):
        raise DataError(
            f"data.source_options.languages: {listed(options.languages)}; "
            "expected two or more, each once"
        )
    folder = Path(str(_distribution().locate_file("django")))
    sentences = _read_sentences(folder, tuple(options.languages))
    if options.messages is None:
        return sentences
    if options.messages < 1:
        raise DataError(f"data.source_options.messages: {options.messages}; expected 1 or more")
    messages = sorted({sentence.message for sentence in sentences})
    chosen = set(messages[: options.messages])
    return tuple(sentence for sentence in sentences if sentence.message in chosen)


def _distribution() -> Distribution:
    try:
        return distribution("django")
    except PackageNotFoundError:
        raise HostError(
            "django: not installed; expected it for data.source django_translations: "
            "install the extra `text`"
        ) from None


@functools.lru_cache(maxsize=4)
def _read_sentences(folder: Path, languages: tuple[str, ...]) -> tuple[Sentence, ...]:
    """Return the sentences of some languages, sorted by text.

    A text that two languages share tells neither, so it is left out. If a language says two
    messages in the same words, the first message counts.
    """
    languages_of = defaultdict(set)
    message_of: dict[tuple[str, str], str] = {}
    for language in languages:
        for message in _read_language(folder, language):
            text = _without_markup(message.translation)
            if len(text) < SHORTEST or text == _without_markup(message.text):
                continue
            languages_of[text].add(language)
            message_of.setdefault((text, language), message.text)
    sentences = []
    for (text, language), message_text in sorted(message_of.items()):
        if len(languages_of[text]) == 1:
            sentences.append(Sentence(text, language, message_text))
    return tuple(sentences)


def _read_language(folder: Path, language: str) -> list[po_files.Message]:
    """Return the messages of all of Django's applications in a language, sorted by text.

    Raises:
        DataError: Django has no such language.
    """
    files = sorted(folder.glob(f"**/locale/{language}/LC_MESSAGES/django*.po"))
    if not files:
        known = sorted(path.name for path in (folder / "conf/locale").iterdir() if path.is_dir())
        raise DataError(
            f"data.source_options.languages: {language!r} is no language of Django; "
            f"expected some of: {listed(known)}"
        )
    messages = []
    for file in files:
        messages.extend(po_files.read(file))
    return sorted(messages)


def _without_markup(text: str) -> str:
    """Return a text without what looks alike in every language, and with single spaces."""
    plain = NO_LANGUAGE.sub(" ", text)
    return " ".join(plain.split())

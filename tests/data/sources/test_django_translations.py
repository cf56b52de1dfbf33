"""Sentences of Django's translations: each text is of one language, and split by message."""

import hashlib
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from edgebake.data.dataset import Examples, assign_splits
from edgebake.data.sources import django_translations
from edgebake.errors import DataError, HostError
from edgebake.recipe import Data, DataInput, SplitBy, Splits

# Of Django 5.2.19: 5,546 texts, one a line, each behind its language.
SHA256 = "84b6dbe4e510e24ac10344a14ebd3f7cbc54361bba5fe7b6f9299c01248e9a7c"


def options(**values: Any) -> Data:
    splits = Splits(SplitBy.group, 0.55, 0.05, 0.1, 0.3, column="message")
    text = DataInput("text", {"bytes": 96})
    return Data(
        source="django_translations", seed=0, splits=splits, input=text, source_options=values
    )


@pytest.fixture(scope="module")
def examples() -> Examples:
    return django_translations.load(options())


def texts_of(examples: Examples) -> list[str]:
    return [str(text) for text in examples.inputs]


def test_all_sentences_are_those_that_were_released(examples: Examples) -> None:
    lines = []
    for text, label in zip(texts_of(examples), examples.labels, strict=True):
        lines.append(f"{examples.classes[label]} {text}")
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == SHA256


def test_there_are_twelve_languages_of_some_hundred_sentences(examples: Examples) -> None:
    assert " ".join(examples.classes) == "cs da de es fr hu it nl pl pt sv tr"
    counts = [int((examples.labels == number).sum()) for number in range(12)]
    assert min(counts) > 400
    assert django_translations.count(options()) == {"": sum(counts)}


def test_no_text_is_of_two_languages_or_there_twice(examples: Examples) -> None:
    texts = texts_of(examples)
    assert len(set(texts)) == len(texts)


def test_a_message_is_in_one_split(examples: Examples) -> None:
    splits_of = defaultdict(set)
    for split, indices in assign_splits(examples, options()).items():
        for index in indices:
            splits_of[examples.columns["message"][index]].add(split)
    assert {len(splits) for splits in splits_of.values()} == {1}
    assert len(splits_of) > 600


def test_a_sentence_of_german_is_labeled_so(examples: Examples) -> None:
    index = texts_of(examples).index("Installationen virkede! Tillykke!")
    assert examples.classes[examples.labels[index]] == "da"
    assert examples.columns["length"][index] == "medium"  # 33 bytes


def test_fewer_languages_and_messages_can_be_read() -> None:
    small = django_translations.load(options(languages=["de", "fr"], messages=20))
    assert small.classes == ["de", "fr"]
    assert len(set(small.columns["message"])) == 20
    assert len(small.labels) <= 40


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"languages": ["de"]}, "languages: de; expected two or more, each once"),
        ({"languages": ["de", "de"]}, "languages: de, de; expected two or more, each once"),
        ({"languages": ["de", "xx"]}, "languages: 'xx' is no language of Django; expected some of"),
        ({"messages": 0}, "messages: 0; expected 1 or more"),
    ],
)
def test_wrong_options_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as error:
        django_translations.load(options(**values))
    assert str(error.value).startswith(f"data.source_options.{message}")


def test_a_missing_django_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(django_translations, "distribution", raise_missing)
    with pytest.raises(HostError) as error:
        django_translations.count(options())
    assert str(error.value) == (
        "django: not installed; expected it for data.source django_translations: "
        "install the extra `text`"
    )


def test_django_is_read_and_never_imported(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from edgebake.data.sources import django_translations as source\n"
        "from edgebake.recipe import Data\n"
        "print(len(source.load(Data(source='x', seed=0)).labels) > 1000, 'django' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "True False\n"

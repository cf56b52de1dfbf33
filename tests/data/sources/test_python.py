"""Examples that a function of the user's returns, and what it does wrong, in one line."""

from pathlib import Path
from textwrap import dedent

import pytest

from edgebake.data.sources import python
from edgebake.errors import DataError
from edgebake.recipe import Color, Data, SplitBy, Splits

GOOD = """
import numpy as np
from edgebake.data.dataset import Examples

def examples(path):
    levels = [int(level) for level in (path / "levels.txt").read_text().split()]
    images = [np.full((2, 3), level, np.uint8) for level in levels]
    return Examples(images, np.array([0, 1, 1]), ["light", "dark"], {"lamp": ["on", "off", "off"]})
"""


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """A folder with a function that reads the file beside it."""
    (tmp_path / "examples.py").write_text(GOOD)
    (tmp_path / "levels.txt").write_text("200 10 20")
    return Data(path=str(tmp_path), color=Color.grayscale, splits=Splits(SplitBy.seed))


def _refused(data: Data, function: str) -> str:
    """Return what is message of another function, without the file."""
    file = data.location / "examples.py"
    file.write_text(dedent(function))
    python._call.cache_clear()
    with pytest.raises(DataError) as refused:
        list(python.load(data).inputs)
    return str(refused.value).removeprefix(f"{file}")


def test_what_the_function_returns_are_the_examples(data: Data) -> None:
    examples = python.load(data)
    assert python.count(data) == {"": 3}
    assert python.columns(data) == ["lamp"]
    assert examples.classes == ["light", "dark"]
    assert [int(image[0, 0]) for image in examples.inputs] == [200, 10, 20]
    assert examples.names == ["example 0", "example 1", "example 2"]


def test_nothing_is_written_beside_the_users_code(data: Data) -> None:
    python.load(data)
    assert sorted(file.name for file in data.location.iterdir()) == ["examples.py", "levels.txt"]


def test_a_file_alone_is_given_its_own_path(data: Data) -> None:
    file = data.location / "mine.py"
    file.write_text(GOOD.replace('path / "levels.txt"', 'path.parent / "levels.txt"'))
    data.path = str(file)
    assert python.count(data) == {"": 3}


def test_images_have_the_color_that_the_recipe_asks_for(data: Data) -> None:
    data.color = Color.rgb
    assert python.load(data).inputs[0].shape == (2, 3, 3)


def test_a_labels_file_gives_the_order_of_the_answers(data: Data) -> None:
    (data.location / "labels.txt").write_text("dark\nlight\n")
    data.labels = str(data.location / "labels.txt")
    examples = python.load(data)
    assert (examples.classes, examples.labels.tolist()) == (["dark", "light"], [1, 0, 0])


def test_the_function_says_the_splits(data: Data) -> None:
    file = data.location / "examples.py"
    file.write_text(GOOD.replace('off"]})', "off\"]}, splits=['train', 'train', 'test'])"))
    data.splits = Splits(SplitBy.source)
    assert python.count(data) == {"train": 2, "test": 1}
    assert python.load(data).splits == ["train", "train", "test"]


BEGIN = "import numpy as np\nfrom edgebake.data.dataset import Examples\n"
PAIR = "[np.zeros((2, 2), np.uint8)] * 2"


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (
            "def examples(path):\n    return 1 / 0\n",
            ":2: ZeroDivisionError: division by zero; expected examples",
        ),
        ("import no_such_module\n", ":1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def examples(path:\n", ":1: SyntaxError: '(' was never closed"),
        ("def examples(path):\n    raise SystemExit(3)\n", ":2: SystemExit: 3"),
        (
            "def example(path): ...\n",
            ": no function `examples`; expected `def examples(path)`, it has: example",
        ),
        (
            "def examples(path):\n    return []\n",
            ": examples() returned list; expected edgebake.data.dataset.Examples",
        ),
        (
            f"{BEGIN}def examples(path):\n    return Examples({PAIR}, [0, 1], ['a', 'b'])\n",
            ": examples(): labels are list; expected int64 [n]",
        ),
        (
            f"{BEGIN}def examples(path):\n    return Examples({PAIR}, np.array([0.0, 1.0]), ['a', "
            "'b'])\n",
            ": examples(): labels are float64 [2]; expected int64 [n]",
        ),
        (
            f"{BEGIN}def examples(path):\n    return Examples({PAIR}, np.array([1, 2]), ['a', "
            "'b'])\n",
            ": examples(): labels from 1 to 2; expected 0 to 1, the indices of the classes",
        ),
        (
            f"{BEGIN}def examples(path):\n    return Examples({PAIR}, np.array([0, 1, 1]), ['a', "
            "'b'])\n",
            ": examples(): 2 inputs; expected 3, as there are labels",
        ),
        (
            f"{BEGIN}def examples(path):\n    return Examples({PAIR}, np.array([0, 1]), ['a', "
            "'a'])\n",
            ": examples(): classes are ['a', 'a']; expected two names or more, each once",
        ),
        (
            f"{BEGIN}def examples(path):\n    return Examples([np.zeros((2, 2))] * 2, "
            "np.array([0, 1]), ['a', 'b'])\n",
            ": image 0 is float64 [2, 2]; expected uint8 [h, w] or [h, w, 3]",
        ),
        (
            f"{BEGIN}def examples(path):\n"
            f"    return Examples({PAIR}, np.array([0, 1]), ['a', 'b'], splits=['train', "
            "'tests'])\n",
            ": examples(): the split 'tests'; expected one of: train, calibration, validation, "
            "test",
        ),
        (
            f"{BEGIN}class Late(list):\n    def __getitem__(self, number):\n        raise "
            "KeyError('gone')\n"
            f"def examples(path):\n    return Examples(Late({PAIR}), np.array([0, 1]), ['a', "
            "'b'])\n",
            ":5: KeyError: 'gone'",
        ),
    ],
)
def test_what_the_function_does_wrong_is_said_in_one_line(
    function: str, why: str, data: Data
) -> None:
    message = _refused(data, function)
    assert message.startswith(why)
    assert "\n" not in message


def test_a_file_that_is_not_there_is_named(data: Data, tmp_path: Path) -> None:
    data.path = str(tmp_path / "nowhere.py")
    with pytest.raises(
        DataError,
        match=r"nowhere\.py: no such file; expected Python with a function `examples\(path\)`",
    ):
        python.count(data)

"""What must hold between the words of `data`, and between them and the data: a part of plan/checks/recipe.py."""

from collections.abc import Iterator, Mapping

from edgebake import plugins
from edgebake.data.splits import DRAWN, split_sizes
from edgebake.errors import EdgebakeError, listed
from edgebake.recipe import Data, Recipe, SplitBy

Problem = tuple[str, str]

OWN = ("table", "features", "name")  # words that are null for most sources


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the data that a recipe names."""
    problems = [
        *_source_has_its_path(recipe.data),
        *_source_has_its_words(recipe.data),
        *_shares_can_be_drawn(recipe.data),
    ]
    yield from problems
    if problems or (recipe.data.path is not None and _waits_for_dvc(recipe.data)):
        return
    try:
        counts: Mapping[str, int] = plugins.load("data.source", recipe.data.source).count(
            recipe.data
        )
    except EdgebakeError as error:
        yield "data.path", str(error)
        return
    yield from _splits_are_there(recipe.data, counts)
    yield from _splits_hold_enough(recipe, counts)


def _waits_for_dvc(data: Data) -> bool:
    """Return whether DVC tracks the data and has not fetched them yet."""
    path = data.location
    return not path.exists() and path.with_name(f"{path.name}.dvc").exists()


def _source_has_its_path(data: Data) -> Iterator[Problem]:
    is_bundled = hasattr(plugins.load("data.source", data.source), "bundled_file")
    if is_bundled and data.path is not None:
        yield (
            "data.path",
            f"{data.title}; expected null: {data.source} reads a file inside an installed package",
        )
    if not is_bundled and data.path is None:
        yield "data.path", f"null; expected a path: {data.source} reads files"


def _source_has_its_words(data: Data) -> Iterator[Problem]:
    words = getattr(plugins.load("data.source", data.source), "WORDS", ())
    for word in OWN:
        if getattr(data, word) is not None and word not in words:
            owners = listed(_sources_with(word))
            yield (
                f"data.{word}",
                f"has a value; expected null for {data.source}: it is a word of {owners}",
            )


def _sources_with(word: str) -> Iterator[str]:
    for name in plugins.of_package("data.source"):
        if word in getattr(plugins.load("data.source", name), "WORDS", ()):
            yield name


def _shares_can_be_drawn(data: Data) -> Iterator[Problem]:
    shares = {name: share for name, share in vars(data.splits).items() if name != "by"}
    given = {name: share for name, share in shares.items() if share is not None}
    for name, share in given.items():
        if not 0 < share < 1:
            yield f"data.splits.{name}", f"{share:g}; expected a share between 0 and 1"
    if data.splits.by is SplitBy.seed:
        for name in shares.keys() - given.keys():
            yield f"data.splits.{name}", "null; expected a share where `by` is seed"
        if given.keys() == shares.keys() and abs(sum(given.values()) - 1) > 1e-6:
            yield "data.splits", f"the shares add up to {sum(given.values()):g}; expected 1"
    elif "train" in given:
        yield (
            "data.splits.train",
            "has a share; expected null where `by` is source: train is what is left",
        )
    elif sum(given.values()) >= 1:
        yield (
            "data.splits",
            f"the shares of train add up to {sum(given.values()):g}; expected less than 1",
        )


def _splits_are_there(data: Data, counts: Mapping[str, int]) -> Iterator[Problem]:
    """Hold the shares against the splits that the data have; a split has either."""
    if data.splits.by is SplitBy.seed:
        return
    said = [name for name, count in counts.items() if count]
    if "train" not in said:
        yield (
            "data.splits.by",
            f"source, and the data have no train split; they have: {listed(said)}; or say seed",
        )
        return
    for name in DRAWN:
        share = getattr(data.splits, name)
        if share is None and name not in said:
            yield (
                f"data.splits.{name}",
                "null, and the data have no such split; expected a share of train, for example 0.1",
            )
        if share is not None and name in said:
            yield (
                f"data.splits.{name}",
                f"{share:g}, and the data have such a split, of {counts[name]}; expected null",
            )


def _splits_hold_enough(recipe: Recipe, counts: Mapping[str, int]) -> Iterator[Problem]:
    sizes = split_sizes(counts, recipe.data.splits)
    for name, size in sizes.items():
        # What the data say themselves, the rule above asks about.
        if size < 1 and (
            recipe.data.splits.by is SplitBy.seed or getattr(recipe.data.splits, name) is not None
        ):
            yield (
                f"data.splits.{name}",
                f"holds none of the {sum(counts.values())} examples; expected at least 1",
            )
    key, words = "quantize.calibration.samples", recipe.quantize.calibration
    if words is None:
        return
    if words.samples < 1:
        yield key, f"{words.samples}; {recipe.quantize.scheme} expects 1 or more"
    if words.samples > sizes["calibration"]:
        yield (
            key,
            f"{words.samples}; expected at most {sizes['calibration']}, all that the calibration split holds",
        )

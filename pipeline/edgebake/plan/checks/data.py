"""Check the options of `data`, and check them against the dataset itself."""

from collections import Counter
from collections.abc import Iterator, Mapping

from edgebake import plugins
from edgebake.data.group_column import KEY as COLUMN_KEY
from edgebake.data.readers import path_columns
from edgebake.data.splits import DRAWN, SPLITS, split_sizes
from edgebake.errors import EdgebakeError, Problem, listed, nearest
from edgebake.plan.checks import data_code
from edgebake.recipe import Data, Recipe, SplitBy
from edgebake.terminal.printable import is_printable, printable

# Options that belong to one source each, and are null for the others.
SOURCE_OPTIONS = ("table", "columns", "features", "name")
LIMITS = ("max_megapixels", "max_gigabytes")
MAX_LIMIT = 1000


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the dataset of a recipe."""
    data = recipe.data
    problems = list(check_alone(recipe))
    yield from problems
    if problems or (data.path is not None and _is_not_fetched(data)):
        return
    if data_code.is_withheld(data):
        return
    try:
        counts: Mapping[str, int] = plugins.load("data.source", data.source).count(data)
    except EdgebakeError as error:
        yield "data.path", str(error)
        return
    yield from _check_column_exists(data)
    yield from _check_splits_exist(data, counts)
    yield from _check_split_sizes(recipe, counts)


def check_alone(recipe: Recipe) -> Iterator[Problem]:
    """Yield the problems that the options of `data` have by themselves, with no file read."""
    data = recipe.data
    yield from _check_path(data)
    yield from _check_source_options(data)
    yield from _check_limits(data)
    yield from _check_shares(data)
    yield from _check_columns(data)
    yield from _check_group_column(data)
    yield from _check_untested_classes(data)


def _is_not_fetched(data: Data) -> bool:
    """Return whether DVC tracks the dataset and has not fetched it yet."""
    path = data.location
    return not path.exists() and path.with_name(f"{path.name}.dvc").exists()


def _check_path(data: Data) -> Iterator[Problem]:
    is_bundled = hasattr(plugins.load("data.source", data.source), "bundled_file")
    if is_bundled and data.path is not None:
        reason = f"{data.source} reads a file inside an installed package"
        yield "data.path", f"{data.title}; expected null: {reason}"
    if not is_bundled and data.path is None:
        yield "data.path", f"null; expected a path: {data.source} reads files"


def _check_source_options(data: Data) -> Iterator[Problem]:
    allowed = _options_of(data.source)
    for option in SOURCE_OPTIONS:
        if getattr(data, option) is not None and option not in allowed:
            owners = listed(_sources_with(option))
            reason = f"it is an option of {owners}"
            yield f"data.{option}", f"has a value; expected null for {data.source}: {reason}"


def _options_of(source: str) -> tuple[str, ...]:
    options: tuple[str, ...] = getattr(plugins.load("data.source", source), "WORDS", ())
    return options


def _sources_with(option: str) -> Iterator[str]:
    for source in plugins.names_in_package("data.source"):
        if option in _options_of(source):
            yield source


def _check_limits(data: Data) -> Iterator[Problem]:
    for name in LIMITS:
        limit = getattr(data, name)
        if not 0 < limit <= MAX_LIMIT:
            yield f"data.{name}", f"{limit:g}; expected more than 0 and at most {MAX_LIMIT}"


def _check_shares(data: Data) -> Iterator[Problem]:
    shares = {name: getattr(data.splits, name) for name in SPLITS}
    specified = {name: share for name, share in shares.items() if share is not None}
    total = sum(specified.values())
    for name, share in specified.items():
        if not 0 < share < 1:
            yield f"data.splits.{name}", f"{share:g}; expected a share between 0 and 1"
    if data.splits.by is not SplitBy.source:
        for name in shares.keys() - specified.keys():
            by = data.splits.by.value
            yield f"data.splits.{name}", f"null; expected a share where `by` is {by}"
        if specified.keys() == shares.keys() and abs(total - 1) > 1e-6:
            yield "data.splits", f"the shares add up to {total:g}; expected 1"
    elif "train" in specified:
        expected = "expected null where `by` is source: train is what is left"
        yield "data.splits.train", f"has a share; {expected}"
    elif total >= 1:
        yield "data.splits", f"the shares of train add up to {total:g}; expected less than 1"


def _check_columns(data: Data) -> Iterator[Problem]:
    """Check `data.columns`, which are patterns for a folder of images, and names elsewhere."""
    for name, origin in (data.columns or {}).items():
        key = f"data.columns.{name}"
        if not is_printable(name) or not name.strip():
            yield "data.columns", f"'{printable(name)}'; expected a name with visible letters"
        elif not origin:
            yield key, "empty; expected where the values of the column are"
        elif data.source == "image_folder":
            problem = path_columns.find_problem(origin)
            if problem:
                yield key, problem


def _check_group_column(data: Data) -> Iterator[Problem]:
    """Check that a column with groups is named where it is used, and only there."""
    column = data.splits.column
    if data.splits.by is SplitBy.group and not column:
        problem = "null, and `by` is group"
        yield COLUMN_KEY, f"{problem}; expected the name of a column, for example person"
    if data.splits.by is SplitBy.seed and column is not None:
        yield COLUMN_KEY, f"{column}, and `by` is seed; expected null, or `by: group`"


def _check_column_exists(data: Data) -> Iterator[Problem]:
    column = data.splits.column
    if column is None:
        return
    try:
        columns = plugins.load("data.source", data.source).columns(data)
    except EdgebakeError as error:
        yield COLUMN_KEY, str(error)
        return
    if column not in columns:
        expected = f"expected one of: {listed(columns)}{nearest(column, columns)}"
        yield COLUMN_KEY, f"no column {column!r} in {data.title}; {expected}"


def _check_untested_classes(data: Data) -> Iterator[Problem]:
    for name, count in Counter(data.untested_classes).items():
        if count > 1:
            yield "data.untested_classes", f"{name!r} is there twice; expected each class once"


def _check_splits_exist(data: Data, counts: Mapping[str, int]) -> Iterator[Problem]:
    """Check that each split is either in the dataset or has a share of train."""
    if data.splits.by is not SplitBy.source:
        return
    existing = [name for name, count in counts.items() if count]
    if "train" not in existing:
        problem = "source, and the data have no train split"
        yield "data.splits.by", f"{problem}; they have: {listed(existing)}; or say seed"
        return
    for name in DRAWN:
        share = getattr(data.splits, name)
        if share is None and name not in existing:
            expected = "expected a share of train, for example 0.1"
            yield f"data.splits.{name}", f"null, and the data have no such split; {expected}"
        if share is not None and name in existing:
            problem = f"{share:g}, and the data have such a split, of {counts[name]}"
            yield f"data.splits.{name}", f"{problem}; expected null"


def _check_split_sizes(recipe: Recipe, counts: Mapping[str, int]) -> Iterator[Problem]:
    splits = recipe.data.splits
    sizes = split_sizes(counts, splits)
    for name, size in sizes.items():
        # Splits of the dataset itself are checked by `_check_splits_exist`.
        is_drawn = splits.by is not SplitBy.source or getattr(splits, name) is not None
        if size < 1 and is_drawn:
            problem = f"holds none of the {sum(counts.values())} examples"
            yield f"data.splits.{name}", f"{problem}; expected at least 1"
    calibration = recipe.quantize.calibration
    if calibration is None:
        return
    key, samples = "quantize.calibration.samples", calibration.samples
    if samples < 1:
        yield key, f"{samples}; {recipe.quantize.scheme} expects 1 or more"
    # Groups may give the split more or fewer; the stage `quantize` refuses one that is too small.
    if splits.column is None and samples > sizes["calibration"]:
        expected = f"expected at most {sizes['calibration']}, all that the calibration split holds"
        yield key, f"{samples}; {expected}"

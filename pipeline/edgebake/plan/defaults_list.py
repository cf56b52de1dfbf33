"""Check the `defaults` of recipe files before Hydra follows them.

Hydra neither ends on a file that lists itself, nor names the file that lists a missing option.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebake.documents.strict_yaml import shown
from edgebake.errors import RecipeError, listed, nearest
from edgebake.plan import recipe_source
from edgebake.recipe import Recipe, field_types, files, option_groups
from edgebake.recipe.files import TARGET
from edgebake.recipe.missing import MISSING
from edgebake.recipe.recipe_cache import once
from edgebake.terminal.printable import printable

ROOT = "recipe"  # recipes/recipe.yaml, which lists an option of every group
SCHEMA = "schema"
SELF = "_self_"
OVERRIDE = "override "
EXAMPLE = "`- override /quantize: int8`"
MAX_FILES = 100  # that one target may list, directly and through other files


@dataclass(frozen=True)
class Entry:
    """An entry of `defaults` that names an option."""

    group: str
    option: object
    package: str = ""  # the key below which the option is merged, if it is not the group
    is_override: bool = False
    is_sibling: bool = False  # an option of the same group, which nothing overrides

    @property
    def key(self) -> str:
        """Return what an override names: the group, and the package if there is one."""
        if self.is_sibling:
            return f"{self.group}/{self.option}"
        return f"{self.group}@{self.package}" if self.package else self.group


@dataclass(frozen=True)
class MergedFile:
    """A recipe file that is merged into a target."""

    config: str  # `recipe` or `<group>/<option>`
    package: str  # dotted key below which it is merged; empty for targets and recipes/recipe.yaml


@dataclass
class Merge:
    """The files that are merged into a target, and the options that name them."""

    files: list[MergedFile]  # a file before those that it lists
    in_order: list[MergedFile]  # later ones replace values of earlier ones
    choices: dict[str, str]  # option by what an override of it names
    # Whether a file lists another target, whose own overrides count, or leaves an option open.
    needs_hydra: bool = False


def files_of_target(target: str, overrides: Sequence[str]) -> list[MergedFile]:
    """Return every file that is merged into a target, as `merge_of_target` does."""
    return merge_of_target(target, overrides).files


def merge_of_target(target: str, overrides: Sequence[str]) -> Merge:
    """Return the files that are merged into a target, and their order.

    Args:
        target: name of a file in recipes/target/.
        overrides: those of the command line; `quantize=int8` picks another file.

    Raises:
        RecipeError: names the file whose defaults are wrong.
    """
    config = f"{TARGET}/{target}"
    choices: dict[str, str] = {}
    places: dict[str, str] = {}  # where each entry was overridden
    for entry in _entries(config):
        if entry.is_override:
            choices[entry.key] = str(entry.option)
            places[entry.key] = f"{_name(config)}: defaults"
    for override in overrides:
        key, _, option = override.lstrip("+").partition("=")
        if option in files.options(key.partition("@")[0]):
            choices[key] = option
            places[key] = "command line"
    choices[TARGET] = target
    walk = _Walk(choices)
    walk.follow(MergedFile(ROOT, ""), chain=())
    for key, place in places.items():
        keys = walk.merge.choices
        if key not in keys:
            expected = f"expected one of: {listed(keys)}{nearest(key, keys)}"
            raise RecipeError(f"{place}: {printable(key)}: nothing to override; {expected}")
    return walk.merge


def files_of_option(group: str, option: str) -> list[MergedFile]:
    """Return an option's file, and those that it lists.

    Raises:
        RecipeError: names the file whose defaults are wrong.
    """
    walk = _Walk({})
    walk.follow(MergedFile(f"{group}/{option}", group), chain=())
    return walk.merge.files


class _Walk:
    """Collects the files that a recipe file lists, directly and through other files."""

    def __init__(self, choices: Mapping[str, str]) -> None:
        """Start a walk on which options of some entries are replaced.

        Args:
            choices: option by key of the entry.
        """
        self.merge = Merge([], [], {})
        self._choices = choices

    def follow(self, file: MergedFile, chain: Sequence[str]) -> None:
        """Collect a file and those that it lists; `chain` led to it."""
        self.merge.files.append(file)
        name = _name(file.config)
        if file.config in chain:
            problem = f"defaults: lists itself ({' > '.join([*chain, file.config])})"
            raise RecipeError(f"{name}: {problem}; expected other options")
        if len(self.merge.files) > MAX_FILES:
            raise RecipeError(f"{name}: defaults: more than {MAX_FILES} files; expected fewer")
        is_merged = False
        for entry in _entries(file.config):
            if entry.group == SELF:
                self.merge.in_order.append(file)
                is_merged = True
            if entry.is_override or entry.group in (SCHEMA, SELF):
                continue
            listed_file = self._listed_file(entry, file)
            if listed_file is not None:
                self.follow(listed_file, (*chain, file.config))
        if not is_merged:
            self.merge.in_order.append(file)

    def _listed_file(self, entry: Entry, parent: MergedFile) -> MergedFile | None:
        """Return the file that an entry lists; None if nothing was chosen."""
        if entry.is_sibling:
            self.merge.needs_hydra |= entry.group == TARGET
            return MergedFile(f"{entry.group}/{entry.option}", parent.package)
        package = entry.package or entry.group
        if parent.package:
            package = f"{parent.package}.{package}"
        key = entry.group
        if package != entry.group:
            key = f"{entry.group}@{package}"
        option = self._choices.get(key, entry.option)
        self.merge.choices[key] = str(option)
        if option == MISSING:
            self.merge.needs_hydra = True
            return None
        config = f"{entry.group}/{option}"
        if entry.group == TARGET:
            return MergedFile(config, "")
        if field_types.type_at(Recipe, package) is None:
            expected = "expected the key of an option, for example prune.fine_tune"
            problem = f"defaults: no key {printable(package)!r}"
            raise RecipeError(f"{_name(parent.config)}: {problem}; {expected}")
        return MergedFile(config, package)


def _name(config: str) -> str:
    return files.shown(files.find(config))


@once
def _entries(config: str) -> list[Entry]:
    """Return the checked entries of a file's defaults."""
    name = _name(config)
    defaults = recipe_source.read(files.find(config)).get("defaults", [])
    if not isinstance(defaults, list):
        expected = f"expected a list, for example {EXAMPLE}"
        raise RecipeError(f"{name}: defaults: {shown(defaults)}; {expected}")
    entries: list[Entry] = []
    for node in defaults:
        entry = _entry(node, config, name)
        if entry.key in [known.key for known in entries]:
            raise RecipeError(f"{name}: defaults: {entry.key} is listed twice; expected once")
        entries.append(entry)
    others = [entry for entry in entries if entry.group != SELF]
    if config == ROOT:
        _check_root(others, name)
    for entry in others:
        if entry.option != MISSING and entry.group not in (SCHEMA, TARGET):
            _check_option(entry, name)
        if entry.is_sibling and entry.group == TARGET and entry.option not in files.options(TARGET):
            problem = f"defaults: {shown(entry.option)}: no target"
            raise RecipeError(f"{name}: {problem}; expected entries like {EXAMPLE}")
    return entries


def _entry(node: object, config: str, name: str) -> Entry:
    folder = config.rpartition("/")[0]
    if node in (SELF, SCHEMA):
        return Entry(str(node), option=node)
    if isinstance(node, str):
        return Entry(folder, option=node, is_sibling=True)
    if not isinstance(node, dict) or len(node) != 1:
        raise RecipeError(f"{name}: defaults: {shown(node)}; expected entries like {EXAMPLE}")
    ((key, option),) = node.items()
    is_override = key.startswith(OVERRIDE)
    path, _, package = key.removeprefix(OVERRIDE).strip().partition("@")
    group = path.removeprefix("/")
    if " " in group:
        raise RecipeError(f"{name}: defaults: {shown(key)}; expected entries like {EXAMPLE}")
    _check_place(key, folder, name)
    is_plain_in_target = folder == TARGET and not is_override
    if folder and (is_plain_in_target or not path.startswith("/")):
        expected = f"expected '- override /{printable(group)}: {printable(option)}'"
        raise RecipeError(f"{name}: defaults: '- {printable(key)}: ...'; {expected}")
    return Entry(group, option, package, is_override)


def _check_place(key: str, folder: str, name: str) -> None:
    """Check that an entry overrides in targets alone, and that no file but the root lists targets.

    Args:
        key: of the entry.
        folder: of the file with the entry; empty for recipes/recipe.yaml.
        name: of the file, for messages.
    """
    shown_key = f"{name}: defaults: '- {printable(key)}: ...'"
    group = key.removeprefix(OVERRIDE).strip().partition("@")[0].removeprefix("/")
    if folder and group == TARGET:
        raise RecipeError(f"{shown_key}: names a target; expected an option")
    if folder not in ("", TARGET) and key.startswith(OVERRIDE):
        raise RecipeError(f"{shown_key}: an option overrides none; expected it in a target")


def _check_option(entry: Entry, name: str) -> None:
    groups = option_groups()
    if entry.group not in groups:
        expected = f"expected one of: {listed(groups)}{nearest(entry.group, groups)}"
        group = printable(entry.group)
        raise RecipeError(f"{name}: defaults: no group {group!r}; {expected}")
    options = files.options(entry.group)
    if not isinstance(entry.option, str):
        expected = f"expected one of: {listed(options)}"
        raise RecipeError(f"{name}: {entry.group}: {shown(entry.option)}; {expected}")
    if entry.option not in options:
        expected = f"expected one of: {listed(options)}{nearest(entry.option, options)}"
        raise RecipeError(f"{name}: {entry.group}: no option {shown(entry.option)}; {expected}")


def _check_root(entries: Sequence[Entry], name: str) -> None:
    """Check that recipes/recipe.yaml lists the schema, every group and the target."""
    groups = [entry.group for entry in entries]
    if groups[:1] != [SCHEMA]:
        raise RecipeError(f"{name}: defaults: no '- {SCHEMA}'; expected it as the first entry")
    for entry in entries:
        if entry.is_override or entry.package:
            expected = f"expected '- {entry.group}: ...'"
            raise RecipeError(f"{name}: defaults: {entry.group}: has more than a name; {expected}")
    for group in (*option_groups(), TARGET):
        if group not in groups:
            raise RecipeError(f"{name}: defaults: no '- {group}: ...'; expected one of each group")
    for entry in entries:
        if entry.group == TARGET and entry.option != MISSING:
            expected = f"expected {MISSING}: the command line names the target"
            raise RecipeError(f"{name}: defaults: {TARGET}: {shown(entry.option)}; {expected}")

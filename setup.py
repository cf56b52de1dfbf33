"""Build the package. Copy recipes, license texts and dvc.yaml from the top folder into it."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BUILTIN = ("recipes/**/*.yaml", "LICENSES/*.txt", "dvc.yaml")


class BuildWithRecipes(build_py):
    """Copy the built-in files into the package. Editable installs read them in the repository."""

    def run(self) -> None:
        """Build the package."""
        super().run()
        if not self.editable_mode:
            for source, target in self._builtin_files().items():
                self.mkpath(str(target.parent))
                self.copy_file(str(source), str(target))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return the files that are built."""
        outputs = list(super().get_outputs(include_bytecode))
        if not self.editable_mode:
            outputs += [str(target) for target in self._builtin_files().values()]
        return outputs

    def _builtin_files(self) -> dict[Path, Path]:
        """Return the target of each built-in file, by its source."""
        folder = Path(self.build_lib) / "edgebake/builtin"
        targets: dict[Path, Path] = {}
        for pattern in BUILTIN:
            for file in sorted(Path().glob(pattern)):
                targets[file] = folder / file
        return targets


setup(cmdclass={"build_py": BuildWithRecipes})

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
            for source, destination in self._builtin_files().items():
                self.mkpath(str(destination.parent))
                self.copy_file(str(source), str(destination))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return the paths of the files that the build creates."""
        outputs = list(super().get_outputs(include_bytecode))
        if not self.editable_mode:
            outputs += [str(file) for file in self._builtin_files().values()]
        return outputs

    def _builtin_files(self) -> dict[Path, Path]:
        """Return the destination of each built-in file, by its source."""
        folder = Path(self.build_lib) / "edgebake/builtin"
        destinations: dict[Path, Path] = {}
        for pattern in BUILTIN:
            for file in sorted(Path().glob(pattern)):
                destinations[file] = folder / file
        return destinations


setup(cmdclass={"build_py": BuildWithRecipes})

"""Build the package; pyproject.toml says all of it but what of the top folder lies in it too."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BROUGHT = ("recipes/**/*.yaml", "LICENSES/*.txt", "dvc.yaml")


class BuildWithRecipes(build_py):
    """Copy what edgebake brings into the package; an editable install reads it at the repository's top."""

    def run(self) -> None:
        """Build the package."""
        super().run()
        if not self.editable_mode:
            for source, target in self._brought().items():
                self.mkpath(str(target.parent))
                self.copy_file(str(source), str(target))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return the files that are built."""
        brought = [] if self.editable_mode else [str(target) for target in self._brought().values()]
        return [*super().get_outputs(include_bytecode), *brought]

    def _brought(self) -> dict[Path, Path]:
        """Return where each file goes."""
        folder = Path(self.build_lib) / "edgebake/brought"
        files = [file for pattern in BROUGHT for file in sorted(Path().glob(pattern))]
        return {file: folder / file for file in files}


setup(cmdclass={"build_py": BuildWithRecipes})

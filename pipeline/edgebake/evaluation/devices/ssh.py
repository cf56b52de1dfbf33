"""A board with Linux: the stopwatch runs there, with the Python and the runtime that are installed there.

Needs the OpenSSH client here; on the board a Python with NumPy and the runtime, `mktemp` and `tar`. The board's key has
to be known to ssh already, and no password is ever asked for.
"""

import io
import shlex
import subprocess
import tarfile
from contextlib import AbstractContextManager
from pathlib import Path

from edgebake.evaluation.latency import remote
from edgebake.evaluation.latency.protocol import UnansweredError
from edgebake.evaluation.latency.remote import Ran
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.recipe import Ssh

# A board that is switched off is given up after ten seconds, one that dies while it runs after a minute.
OPTIONS = ("BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=15", "ServerAliveCountMax=4")
OWN_FAILURE = 255  # ssh(1): of ssh itself, not of the command


def measure(job: TimingRequest) -> TimingResult:
    """Return what the stopwatch finds on the board, or that nothing was measured and why."""
    words = job.protocol.ssh
    if words is None:
        return absent("the recipe names no board: validate.ssh")
    try:
        return remote.measure(job, Board(words), words.python, "ssh")
    except UnansweredError as error:
        return absent(f"{words.host}: {error}")


class Board:
    """A machine that the OpenSSH client reaches."""

    def __init__(self, words: Ssh) -> None:
        self._command = ["ssh", *(word for option in OPTIONS for word in ("-o", option))]
        # 22 is what ssh itself begins with; saying it would overrule the port in its configuration.
        self._command += ["-p", str(words.port)] if words.port != 22 else []
        self._command += ["-l", words.user] if words.user else []
        self._command += (
            ["-i", words.identity, "-o", "IdentitiesOnly=yes"] if words.identity else []
        )
        self._command += ["--", words.host]

    def run(self, command: str) -> Ran:
        """Run a command of the board's shell."""
        return self._ran(command, b"")

    def push(self, files: dict[str, Path], folder: str) -> None:
        """Copy files or folders into a folder there, each to its own path below it."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, file in files.items():
                archive.add(file, path, filter=_nobodys)
        ran = self._ran(f"tar -xf - -C {shlex.quote(folder)}", packed.getvalue())
        if ran.code != 0:
            raise UnansweredError(f"copying the files: {ran.last()}")

    def folder(self) -> AbstractContextManager[str]:
        """Give an empty folder there that is removed when the block ends, also by an error."""
        made = self.run("mktemp -d -t edgebake.XXXXXX")
        folder = made.output.strip()
        if made.code != 0 or "/edgebake." not in folder:
            raise UnansweredError(made.last())
        return remote.removed(self, folder)

    def _ran(self, command: str, fed: bytes) -> Ran:
        try:
            done = subprocess.run(
                [*self._command, command], input=fed, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise UnansweredError(
                "the OpenSSH client `ssh` is not installed on this machine"
            ) from None
        ran = Ran(
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )
        if ran.code == OWN_FAILURE:
            raise UnansweredError(ran.last())
        return ran


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Forget who owns a file here: root over there would keep that number."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry

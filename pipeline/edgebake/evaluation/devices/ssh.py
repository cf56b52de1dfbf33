"""Time files on a Linux board over SSH, with the stopwatch.

This machine needs the OpenSSH client; the board needs a Python with NumPy and the runtime, `mktemp`
and `tar`. The board's key has to be known to ssh already: no password is ever asked for.
"""

import io
import re
import shlex
import tarfile
from contextlib import AbstractContextManager
from pathlib import Path

from edgebake.evaluation.latency import command, remote
from edgebake.evaluation.latency.command import QUICK, CommandResult, DeviceError, Limits
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.machine import turns
from edgebake.machine.turns import BusyError
from edgebake.recipe import Ssh
from edgebake.terminal.printable import printable

# A board that is switched off times out after ten seconds, one that dies later after a minute.
OPTIONS = ("BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=15", "ServerAliveCountMax=4")
# The path is a part of later commands, among them one that removes it.
TEMPORARY_FOLDER = re.compile(
    r"(?:/[\w.+,@=~-]{1,100}){0,20}/edgebake\.[A-Za-z0-9]{1,20}", re.ASCII
)
SSH_FAILED = 255  # ssh(1): the exit code of ssh itself, not of the command


def measure(request: TimingRequest) -> TimingResult:
    """Time a file on the board; if that is impossible, the result has the reason."""
    options = request.protocol.ssh
    if options is None:
        return absent("the recipe names no board: validate.ssh")
    try:
        with turns.device(f"ssh:{options.host}:{options.port}"):
            return remote.measure(request, Board(options), options.python, "ssh")
    except (DeviceError, BusyError) as error:
        return absent(f"{options.host}: {error}")


class Board:
    """A machine that the OpenSSH client reaches."""

    def __init__(self, options: Ssh) -> None:
        self._command = ["ssh"]
        for option in OPTIONS:
            self._command += ["-o", option]
        # 22 is ssh's default; naming it would overrule the port in ssh's own configuration.
        if options.port != 22:
            self._command += ["-p", str(options.port)]
        if options.user:
            self._command += ["-l", options.user]
        if options.identity:
            self._command += ["-i", options.identity, "-o", "IdentitiesOnly=yes"]
        self._command += ["--", options.host]

    def run(self, command: str, limits: Limits = QUICK) -> CommandResult:
        """Run a command of the board's shell."""
        return self._ssh(command, limits)

    def push(self, files: dict[str, Path], folder: str) -> None:
        """Copy files or folders below a folder of the board; the keys are paths below it."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path, file in files.items():
                archive.add(file, path, filter=_without_owner)
        content = buffer.getvalue()
        limits = remote.copy_limits(len(content))
        result = self._ssh(f"tar -xf - -C {shlex.quote(folder)}", limits, content)
        if result.code != 0:
            raise DeviceError(f"copying the files: {result.last_line()}")

    def temporary_folder(self) -> AbstractContextManager[str]:
        """Create an empty folder, and remove it when the block ends, also after an error."""
        result = self.run("mktemp -d -t edgebake.XXXXXX")
        if result.code != 0:
            raise DeviceError(result.last_line())
        folder = result.stdout.removesuffix("\n")
        is_plain = TEMPORARY_FOLDER.fullmatch(folder) is not None
        if not is_plain or ".." in folder.split("/"):
            shown = printable(folder, max_length=command.MAX_TEXT) or "nothing"
            raise DeviceError(
                f"mktemp answered {shown}; expected a path such as /tmp/edgebake.Ab12Cd"
            )
        return remote.removed_afterwards(self, folder)

    def _ssh(self, shell_command: str, limits: Limits, stdin: bytes = b"") -> CommandResult:
        try:
            result = command.run([*self._command, shell_command], limits, stdin)
        except FileNotFoundError:
            raise DeviceError("the OpenSSH client `ssh` is not installed on this machine") from None
        if result.code == SSH_FAILED:
            raise DeviceError(result.last_line())
        return result


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove the file's owner: root on the board would keep that number."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry

"""Stop a verb by SIGINT, SIGTERM or SIGHUP as by an exception, so that it cleans up behind itself.

Blocks that end by the exception end child processes, remove half-written folders and restore the
terminal.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal that asks the process to end; no `except Exception` holds it up."""

    def __init__(self, number: int) -> None:
        """Take the number of the signal."""
        super().__init__(number)
        self.signal = signal.Signals(number)

    @property
    def exit_code(self) -> int:
        """The exit code by which a shell recognizes the signal."""
        return 128 + self.signal


def stopped_by(reason: BaseException) -> Stopped:
    """Return the `Stopped` of an exception that ended a verb: itself, or a KeyboardInterrupt's."""
    if isinstance(reason, Stopped):
        return reason
    return Stopped(signal.SIGINT)


@contextmanager
def raise_on_signals() -> Iterator[None]:
    """Raise `Stopped` in this thread at the first signal of SIGNALS; later ones are ignored.

    A signal that the process was started to ignore, for example by `nohup`, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may have handlers
        return
    previous = {}
    for number in SIGNALS:
        handler = signal.getsignal(number)
        if handler is not signal.SIG_IGN:
            previous[number] = handler

    def stop(number: int, _: FrameType | None) -> None:
        for each in previous:
            signal.signal(each, _do_nothing)
        raise Stopped(number)

    for number in previous:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _do_nothing(_: int, __: FrameType | None) -> None:
    """Ignore a signal; unlike SIG_IGN, children do not inherit that."""

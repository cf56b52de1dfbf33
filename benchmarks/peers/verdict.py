"""Compare edgebake's file with those of other tools in the same scheme and runtime."""

import math
from dataclasses import dataclass

from benchmarks.peers.measured import Row

SIGMAS = 2  # beyond which a difference in right answers is no chance
SIZE, SPEED, BUILD = 1.02, 1.05, 1.5  # times a peer's, above which we are beaten


@dataclass(frozen=True)
class Verdict:
    """One comparison."""

    text: str
    beaten: bool

    def __str__(self) -> str:
        return f"{self.text}  BEATEN" if self.beaten else self.text


def of(ours: Row, peers: list[Row]) -> list[Verdict]:
    """Return accuracy, size, speed and build time against the best peer in each."""
    return [_accuracy(ours, peers), _size(ours, peers), _speed(ours, peers), _build(ours, peers)]


def _accuracy(ours: Row, peers: list[Row]) -> Verdict:
    """Compare the images on which one of the two is right and the other is not (McNemar)."""
    best = max(peers, key=lambda row: row.accuracy)
    won, lost = int((ours.right & ~best.right).sum()), int((~ours.right & best.right).sum())
    return Verdict(f"{won}:{lost} {_named(best)}", lost - won > SIGMAS * math.sqrt(won + lost))


def _size(ours: Row, peers: list[Row]) -> Verdict:
    best = min(peers, key=lambda row: row.size)
    return _ratio(ours.size / best.size, SIZE, best)


def _speed(ours: Row, peers: list[Row]) -> Verdict:
    timed = [row for row in peers if row.rounds]
    if not timed or not ours.rounds:
        return Verdict("not timed", False)
    best = max(timed, key=ours.times)
    return _ratio(ours.times(best), SPEED, best)


def _build(ours: Row, peers: list[Row]) -> Verdict:
    best = min(peers, key=lambda row: row.seconds)
    return _ratio(ours.seconds / best.seconds, BUILD, best)


def _ratio(value: float, limit: float, best: Row) -> Verdict:
    return Verdict(f"{value:.2f} x {_named(best)}", value > limit)


def _named(row: Row) -> str:
    return f"{row.maker.who} {row.maker.way}"

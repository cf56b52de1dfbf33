"""Compare edgebake's file with those of other tools in the same scheme and runtime."""

import math
from dataclasses import dataclass

from benchmarks.peers.measurement import Row

SIGMAS = 2  # beyond which a difference in correct predictions is significant
# Ratios to a peer's file above which edgebake's file is worse.
SIZE = 1.02
SPEED = 1.05
BUILD = 1.5


@dataclass(frozen=True)
class Verdict:
    """One comparison."""

    text: str
    beaten: bool

    def __str__(self) -> str:
        if self.beaten:
            return f"{self.text}  BEATEN"
        return self.text


def compare(ours: Row, peers: list[Row]) -> list[Verdict]:
    """Compare accuracy, size, latency and build time, each with the best peer in it."""
    return [_accuracy(ours, peers), _size(ours, peers), _speed(ours, peers), _build(ours, peers)]


def _accuracy(ours: Row, peers: list[Row]) -> Verdict:
    """Compare the images on which exactly one of the two is correct (McNemar's test)."""
    best = max(peers, key=lambda row: row.accuracy)
    won = int((ours.correct & ~best.correct).sum())
    lost = int((~ours.correct & best.correct).sum())
    is_beaten = lost - won > SIGMAS * math.sqrt(won + lost)
    return Verdict(f"{won}:{lost} {best.maker.label}", is_beaten)


def _size(ours: Row, peers: list[Row]) -> Verdict:
    best = min(peers, key=lambda row: row.size)
    return _ratio(ours.size / best.size, SIZE, best)


def _speed(ours: Row, peers: list[Row]) -> Verdict:
    timed = [row for row in peers if row.latencies]
    if not timed or not ours.latencies:
        return Verdict("not timed", False)
    best = max(timed, key=ours.latency_ratio)
    return _ratio(ours.latency_ratio(best), SPEED, best)


def _build(ours: Row, peers: list[Row]) -> Verdict:
    best = min(peers, key=lambda row: row.build_seconds)
    return _ratio(ours.build_seconds / best.build_seconds, BUILD, best)


def _ratio(value: float, limit: float, best: Row) -> Verdict:
    return Verdict(f"{value:.2f} x {best.maker.label}", value > limit)

"""A stated model of what a watch measures while a hand moves: acceleration and rotation.

A window is gravity and a movement, turned by how the watch sits, with the sensor's bias and noise.
The axes are those of the watch: x along the arm, y across it, z out of the face. A person has a
tempo, a vigor, a watch that sits askew and a wrist of their own; half of the short gestures are
made while the person walks. The numbers are ours: chosen so that classes overlap as they do on
real wrists, not fitted to recordings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GESTURES = ("circle", "raise", "rest", "run", "shake", "swipe", "tap_tap", "walk")
RATE = 50  # samples per second
SAMPLES = 128
CHANNELS = ("ax", "ay", "az", "gx", "gy", "gz")
UNITS = ("m/s2", "m/s2", "m/s2", "rad/s", "rad/s", "rad/s")
GRAVITY = 9.81  # m/s2
LIMIT = 39.2  # m/s2 and rad/s: a sensor of 4 g clips here
WHILE_WALKING = ("circle", "raise", "swipe", "tap_tap")
SHARE_WALKING = 0.5  # of those gestures
# Factors of each channel: of a bias and a noise in m/s2, and of a twitch.
BIAS_OF_CHANNELS = (1.0, 1.0, 1.0, 0.1, 0.1, 0.1)
NOISE_OF_CHANNELS = (1.0, 1.0, 1.0, 0.2, 0.2, 0.2)
TWITCH_OF_CHANNELS = (2.5, 2.5, 2.5, 1.0, 1.0, 1.0)

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Person:
    """What a person has of their own, in all of their windows."""

    tempo: float  # factor of every frequency
    vigor: float  # factor of every movement
    seat: Series  # rotation of the watch on the wrist [3, 3]
    bias: Series  # of the sensors, m/s2 [6]; a tenth of it in rad/s
    noise: float  # standard deviation, m/s2; a fifth of it in rad/s
    side: float  # 1 for the right wrist, -1 for the left


@dataclass(frozen=True)
class Movement:
    """One movement of a person: what differs from window to window."""

    vigor: float
    tempo: float
    phase: float  # radians
    start: float  # seconds: the middle of a short gesture
    side: float


def make_windows(seed: int, person: int, windows: int) -> NDArray[np.float32]:
    """Return the windows of a person, gesture by gesture: float32 [gestures * windows, 128, 6]."""
    generator = np.random.default_rng([seed, person])
    traits = _draw_person(generator)
    made = []
    for gesture in GESTURES:
        for _ in range(windows):
            window = _make_window(generator, traits, gesture)
            made.append(window)
    return np.stack(made)


def wrist_of(seed: int, person: int) -> str:
    """Return the wrist that wears a person's watch: right or left."""
    generator = np.random.default_rng([seed, person])
    traits = _draw_person(generator)
    if traits.side > 0:
        return "right"
    return "left"


def _draw_person(generator: np.random.Generator) -> Person:
    side = generator.choice([-1.0, 1.0])
    tempo = generator.uniform(0.7, 1.4)
    vigor = generator.uniform(0.4, 1.5)
    seat = _draw_rotation(generator, largest=0.9)
    bias = generator.normal(0, 0.4, 6)
    noise = generator.uniform(0.1, 0.6)
    return Person(tempo=tempo, vigor=vigor, seat=seat, bias=bias, noise=noise, side=float(side))


def _draw_rotation(generator: np.random.Generator, largest: float) -> Series:
    """Return a rotation [3, 3] about a random axis, by at most `largest` radians."""
    axis = generator.standard_normal(3)
    length = np.linalg.norm(axis)
    x, y, z = axis / length
    angle = generator.uniform(-largest, largest)
    rows = [[0, -z, y], [z, 0, -x], [-y, x, 0]]
    cross = np.array(rows)
    # Rodrigues' formula.
    sine = np.sin(angle)
    cosine = np.cos(angle)
    first = sine * cross
    second = (1 - cosine) * cross @ cross
    rotation: Series = np.eye(3) + first + second
    return rotation


def _draw_movement(generator: np.random.Generator, person: Person) -> Movement:
    vigor = generator.uniform(0.6, 1.4)
    tempo = generator.uniform(0.85, 1.2)
    phase = generator.uniform(0, 2 * np.pi)
    start = generator.uniform(0.4, 2.2)
    return Movement(
        vigor=person.vigor * vigor,
        tempo=person.tempo * tempo,
        phase=phase,
        start=start,
        side=person.side,
    )


def _make_window(
    generator: np.random.Generator, person: Person, gesture: str
) -> NDArray[np.float32]:
    """Return one window of a person's gesture, float32 [128, 6]."""
    movement = _draw_movement(generator, person)
    time = np.arange(SAMPLES) / RATE
    move = _MOVEMENTS[gesture]
    measured = move(movement, time)
    if gesture in WHILE_WALKING and generator.uniform() < SHARE_WALKING:
        steps = _draw_movement(generator, person)
        strength = generator.uniform(0.2, 0.9)
        walk = _walk(steps, time)
        measured = measured + strength * walk
    measured[:, 2] += GRAVITY
    measured = measured + _draw_unrest(generator, movement.vigor)
    sensed = _turn(measured, person.seat)
    shape = (SAMPLES, len(CHANNELS))
    noise = generator.normal(0, person.noise, shape)
    sensed += person.bias * BIAS_OF_CHANNELS
    sensed += noise * NOISE_OF_CHANNELS
    clipped = np.clip(sensed, -LIMIT, LIMIT)
    return clipped.astype(np.float32)


def _turn(measured: Series, seat: Series) -> Series:
    """Return acceleration and rotation [128, 6] as a watch that sits so feels them."""
    acceleration = measured[:, :3]
    rotation = measured[:, 3:]
    to_watch = seat.T
    turned = [acceleration @ to_watch, rotation @ to_watch]
    return np.concatenate(turned, axis=1)


def _draw_unrest(generator: np.random.Generator, vigor: float) -> Series:
    """Return what a hand does besides its gesture [128, 6]: it hangs, drifts and twitches."""
    shape = (SAMPLES, len(CHANNELS))
    unrest = np.zeros(shape)
    acceleration = unrest[:, :3]
    steps = generator.normal(0, 0.05, acceleration.shape)
    drift = np.cumsum(steps, axis=0)
    direction = generator.standard_normal(3)
    acceleration += drift
    acceleration += 0.4 * vigor * direction
    time = np.arange(SAMPLES) / RATE
    twitches = generator.poisson(0.7)
    for _ in range(twitches):
        middle = generator.uniform(0, 2.5)
        width = generator.uniform(0.03, 0.2)
        strength = generator.normal(0, 1, 6)
        strength = strength * TWITCH_OF_CHANNELS
        bump = _bump(time, middle, width)
        unrest += np.outer(bump, strength)
    return unrest


def _bump(time: Series, middle: float, width: float) -> Series:
    """Return a Gaussian bell of height 1 over time [128]; middle and width are seconds."""
    distance = (time - middle) / width
    exponent = -0.5 * distance**2
    return np.exp(exponent)


def _angle(movement: Movement, time: Series, frequency: float) -> Series:
    """Return the angle over time [128] of a circular movement at a frequency in Hz."""
    turns = frequency * movement.tempo * time
    return 2 * np.pi * turns + movement.phase


def _channels(time: Series, **values: Series) -> Series:
    """Return the named channels [128, 6]; the others are 0."""
    shape = (len(time), len(CHANNELS))
    measured = np.zeros(shape)
    for name, series in values.items():
        column = CHANNELS.index(name)
        measured[:, column] = series
    return measured


def _rest(_: Movement, time: Series) -> Series:
    return _channels(time)


def _walk(movement: Movement, time: Series) -> Series:
    """Return the bounce of two steps per swing of the arm."""
    swing = _angle(movement, time, 0.9)
    along = 1.2 * np.sin(swing)
    step = 2 * swing
    echo = 4 * swing + 0.6
    bounce = 2.2 * np.sin(step)
    bounce += 0.8 * np.sin(echo)
    turn = 1.4 * np.sin(swing + 0.3)
    measured = _channels(time, ax=along, az=bounce, gy=turn)
    return movement.vigor * measured


def _run(movement: Movement, time: Series) -> Series:
    """Return the shocks of steps, and the swing of a bent arm."""
    swing = _angle(movement, time, 1.25)
    along = 4 * np.sin(swing)
    height = np.abs(np.sin(swing))
    shocks = 8 * height - 5
    turn = 3.5 * np.sin(swing + 0.4)
    measured = _channels(time, ax=along, az=shocks, gy=turn)
    return movement.vigor * measured


def _circle(movement: Movement, time: Series) -> Series:
    """Return a circle of the hand before the body."""
    angle = _angle(movement, time, 1.2)
    along = 3 * np.cos(angle)
    rise = 3 * movement.side * np.sin(angle)
    speed = 2.6 * movement.tempo * movement.side
    turn = np.full_like(time, speed)
    measured = _channels(time, ax=along, az=rise, gy=turn)
    return movement.vigor * measured


def _shake(movement: Movement, time: Series) -> Series:
    angle = _angle(movement, time, 3.6)
    along = 6 * np.sin(angle)
    turn = 2.5 * np.sin(angle + 0.8)
    measured = _channels(time, ax=along, gz=turn)
    return movement.vigor * measured


def _swipe(movement: Movement, time: Series) -> Series:
    """Return a push and a stop, with a turn of the wrist between them."""
    width = 0.12 / movement.tempo
    middle = movement.start
    push = _bump(time, middle - width, width)
    stop = _bump(time, middle + width, width)
    along = 8 * (push - stop)
    twist = _bump(time, middle, 1.5 * width)
    turn = 3.5 * twist
    strength = movement.vigor * movement.side
    measured = _channels(time, ax=along, gz=turn)
    return strength * measured


def _tap_tap(movement: Movement, time: Series) -> Series:
    """Return two knocks and their recoil."""
    pause = 0.24 / movement.tempo
    first = movement.start
    second = first + pause
    knocks = np.zeros_like(time)
    for middle in (first, second):
        knock = _bump(time, middle, 0.02)
        recoil = _bump(time, middle + 0.05, 0.02)
        knocks += 8 * knock
        knocks -= 3 * recoil
    measured = _channels(time, az=knocks)
    return movement.vigor * measured


def _raise(movement: Movement, time: Series) -> Series:
    """Return the turn of the wrist towards the eyes: gravity moves from z to x."""
    width = 0.25 / movement.tempo
    distance = (time - movement.start) / width
    way = 1 + np.tanh(distance)
    way = 0.5 * way
    largest = min(movement.vigor, 2.0)
    angle = largest * way
    along = GRAVITY * np.sin(angle)
    loss = np.cos(angle) - 1
    down = GRAVITY * loss
    speed = np.gradient(angle, time)
    return _channels(time, ax=along, az=down, gy=speed)


_MOVEMENTS = {
    "circle": _circle,
    "raise": _raise,
    "rest": _rest,
    "run": _run,
    "shake": _shake,
    "swipe": _swipe,
    "tap_tap": _tap_tap,
    "walk": _walk,
}

"""Draw a Gantt chart with matplotlib: rows of workers, bars of stages, and a list of all bars.

A bar carries its number, and the name of its stage where it is long enough; the list below the
chart has the name and duration of each number. The size of the picture depends on the number of
rows and bars alone. Lengths are in inches.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text

from edgebake.report import durations
from edgebake.report.timeline import Bar, Timeline, in_order, rows_of, summary

WIDTH = 16.0  # of the picture
DPI = 100
MARGIN = 0.3
LABELS = 1.3  # left of the chart: names of workers
ROW = 0.9
AXIS = 0.7  # below the rows: ticks and their label
HEAD = 1.0  # above the rows: title, summary, colors
LINE = 0.17  # of the list
LIST_COLUMNS = 4
MOST_CHARACTERS = 52  # of a name in the list
TITLE_FONT = 13.0  # points
FONT = 9.0
SMALL_FONT = 7.0
POINTS = 72  # per inch
CHARACTER = 0.62  # width of a character, as a share of the font's size
PADDING = 0.06  # left and right of a text in a bar
# Of a row, from its top: where its bars begin and end, and where numbers above short bars stand.
BAR_TOP = 0.42
BAR_BOTTOM = 0.92
LEVELS = (0.40, 0.26, 0.12)
LINK = 0.97  # lines between the bars of the critical path
COLORS = {
    "data": "#9ecae1",
    "train": "#fdae6b",
    "baseline": "#fdd9b5",
    "prune": "#bcbddc",
    "quantize": "#a1d99b",
    "convert": "#ffe48f",
    "validate": "#f7a8a0",
    "parity": "#b7e2dc",
    "package": "#c9b49b",
    "proof": "#d9d9d9",
}
OTHER_COLOR = "#eeeeee"
EDGE = "#666666"
CRITICAL = "#b30000"
QUIET_BAND = "#f2f2f2"
QUIET_HATCH = "////"
FAILED_HATCH = "xxxx"
HATCH = "#00000055"
BACKGROUND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}  # of a text


class Chart:
    """A timeline and the places of its parts."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._rows = rows_of(timeline.bars)
        self._bars = in_order(timeline.bars)
        self._numbers = {bar: number for number, bar in enumerate(self._bars, start=1)}
        columns_filled = len(self._bars) / LIST_COLUMNS
        self._list_lines = math.ceil(columns_filled)
        list_height = self._list_lines * LINE
        self._bottom = MARGIN + list_height + AXIS
        self._row_count = max(1, len(self._rows))
        self._rows_height = self._row_count * ROW
        self._height = self._bottom + self._rows_height + HEAD
        self._rows_width = WIDTH - LABELS - MARGIN
        ends = [bar.end for bar in self._bars]
        self._seconds = max([timeline.seconds, *ends, 1.0])

    def figure(self) -> Figure:
        """Draw everything."""
        figure = Figure(figsize=(WIDTH, self._height), dpi=DPI, facecolor="white")
        axes = figure.add_axes(
            (
                LABELS / WIDTH,
                self._bottom / self._height,
                self._rows_width / WIDTH,
                self._rows_height / self._height,
            )
        )
        self._draw_axes(axes)
        self._draw_quiet_bands(axes)
        for number, row in enumerate(self._rows):
            for bar in row.bars:
                self._draw_bar(axes, number, bar)
            self._draw_texts(axes, number, row.bars)
        self._draw_critical_links(axes)
        self._draw_head(figure)
        self._draw_list(figure)
        return figure

    def _draw_axes(self, axes: Any) -> None:
        axes.set_xlim(0, self._seconds)
        axes.set_ylim(self._row_count, 0)
        middle = (BAR_TOP + BAR_BOTTOM) / 2
        middles = [number + middle for number in range(len(self._rows))]
        axes.set_yticks(middles)
        labels = [row.label for row in self._rows]
        axes.set_yticklabels(labels, fontsize=FONT, parse_math=False)
        axes.set_xlabel("seconds since the start of the build", fontsize=FONT)
        axes.tick_params(axis="x", labelsize=FONT)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#dddddd", linewidth=0.5)
        axes.set_axisbelow(True)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)

    def _draw_quiet_bands(self, axes: Any) -> None:
        """Shade, on all rows of a worker, the time in which a stage ran alone there."""
        for number, row in enumerate(self._rows):
            for bar in self._bars:
                if bar.is_quiet and bar.worker == row.worker:
                    width = bar.end - bar.start
                    axes.add_patch(
                        Rectangle((bar.start, number), width, 1, color=QUIET_BAND, zorder=0)
                    )

    def _draw_bar(self, axes: Any, row: int, bar: Bar) -> None:
        place = bar.start, row + BAR_TOP
        size = bar.end - bar.start, BAR_BOTTOM - BAR_TOP
        edge = EDGE
        line_width = 0.5
        layer = 2
        if bar.is_critical:
            edge = CRITICAL
            line_width = 1.8
            layer = 3
        patch = Rectangle(place, *size, edgecolor=edge, linewidth=line_width, zorder=layer)
        color = COLORS.get(bar.stage, OTHER_COLOR)
        patch.set_facecolor(color)
        axes.add_patch(patch)
        hatch = _hatch(bar)
        if hatch:  # a patch of its own: a hatch has the color of the edge
            texture = Rectangle(place, *size, fill=False, hatch=hatch, edgecolor=HATCH, linewidth=0)
            texture.set_zorder(4)
            axes.add_patch(texture)

    def _draw_texts(self, axes: Any, row: int, bars: list[Bar]) -> None:
        """Draw the longest text that fits into each bar; above it, if not even the number fits."""
        taken = [0.0] * len(LEVELS)  # inches from the left up to which each level is full
        for bar in bars:
            middle = (bar.start + bar.end) / 2
            text = self._text_inside(bar)
            if text:
                y = row + (BAR_TOP + BAR_BOTTOM) / 2
                place = (middle, y)
                label = _draw_text(axes, place, text)
                if _hatch(bar):
                    label.set_bbox(BACKGROUND)
                continue
            number = str(self._numbers[bar])
            middle_inches = self._inches(middle)
            half = _text_width(number) / 2 + PADDING / 2
            left = middle_inches - half
            free = [level for level, end in enumerate(taken) if left >= end]
            level = taken.index(min(taken))
            if free:
                level = free[0]
            taken[level] = middle_inches + half
            place = (middle, row + LEVELS[level])
            label = _draw_text(axes, place, number)
            label.set_verticalalignment("bottom")

    def _text_inside(self, bar: Bar) -> str:
        """Return number and name, or less if the bar is too short; empty if nothing fits."""
        number = self._numbers[bar]
        duration = bar.end - bar.start
        width = self._inches(duration) - PADDING
        texts = (f"{number} {bar.name}", f"{number} {bar.stage}", f"{number}")
        for text in texts:
            if _text_width(text) <= width:
                return text
        return ""

    def _draw_critical_links(self, axes: Any) -> None:
        """Draw a line from each bar of the critical path to the next one, below the bars."""
        rows: dict[Bar, int] = {}
        for number, row in enumerate(self._rows):
            rows.update(dict.fromkeys(row.bars, number))
        critical = [bar for bar in self._bars if bar.is_critical]
        for bar, following in pairwise(critical):
            level = rows[bar] + LINK
            axes.plot(
                (bar.end, bar.end, following.start, following.start),
                (rows[bar] + BAR_BOTTOM, level, level, rows[following] + BAR_BOTTOM),
                color=CRITICAL,
                linewidth=1.2,
                zorder=1,
            )

    def _draw_head(self, figure: Figure) -> None:
        def put(below_top: float, text: str, font: float) -> None:
            y = 1 - below_top / self._height
            figure.text(MARGIN / WIDTH, y, text, fontsize=font, va="top", parse_math=False)

        seconds = self._timeline.seconds
        put(0.2, f"Build: {durations.brief(seconds)}", TITLE_FONT)
        put(0.48, summary(self._timeline), FONT)
        figure.legend(
            handles=list(self._legend()),
            loc="upper left",
            bbox_to_anchor=(MARGIN / WIDTH, 1 - 0.66 / self._height),
            ncols=len(COLORS) + 4,
            fontsize=SMALL_FONT,
            frameon=False,
            borderaxespad=0,
            borderpad=0,
            handlelength=1.4,
            columnspacing=1.2,
        )

    def _legend(self) -> Iterator[Patch]:
        """Yield a sample of each color and mark that the chart has."""
        stages = dict.fromkeys(bar.stage for bar in self._bars)
        for stage, color in COLORS.items():
            if stage in stages:
                yield Patch(facecolor=color, edgecolor=EDGE, linewidth=0.5, label=stage)
        if stages.keys() - COLORS.keys():
            yield Patch(facecolor=OTHER_COLOR, edgecolor=EDGE, linewidth=0.5, label="others")
        if any(bar.is_critical for bar in self._bars):
            label = "critical path"
            yield Patch(facecolor="white", edgecolor=CRITICAL, linewidth=1.8, label=label)
        has_quiet = any(bar.is_quiet for bar in self._bars)
        has_failed = any(bar.is_failed for bar in self._bars)
        for hatch, label, is_used in (
            (QUIET_HATCH, "alone on its worker", has_quiet),
            (FAILED_HATCH, "failed", has_failed),
        ):
            if is_used:
                yield Patch(facecolor=QUIET_BAND, edgecolor=EDGE, hatch=hatch, label=label)

    def _draw_list(self, figure: Figure) -> None:
        """Draw number, name and duration of every bar, in columns from top to bottom."""
        column_width = (WIDTH - 2 * MARGIN) / LIST_COLUMNS
        top = MARGIN + self._list_lines * LINE
        for index, bar in enumerate(self._bars):
            column, line = divmod(index, self._list_lines)
            y = (top - line * LINE) / self._height
            left = MARGIN + column * column_width
            color = "black"
            if bar.is_critical:
                color = CRITICAL
            duration = durations.brief(bar.end - bar.start)
            number_right = left + 0.25
            duration_right = left + column_width - 0.25
            for x, text, align in (
                (number_right, f"{index + 1}", "right"),
                (number_right + 0.08, _list_name(bar), "left"),
                (duration_right, duration, "right"),
            ):
                label = figure.text(x / WIDTH, y, text, ha=align, va="top", color=color)
                label.set_fontsize(SMALL_FONT)
                label.set_parse_math(False)

    def _inches(self, seconds: float) -> float:
        return seconds / self._seconds * self._rows_width


def _draw_text(axes: Any, place: tuple[float, float], text: str) -> Text:
    label: Text = axes.text(*place, text, ha="center", va="center", zorder=5)
    label.set_fontsize(SMALL_FONT)
    label.set_parse_math(False)
    return label


def _hatch(bar: Bar) -> str:
    if bar.is_failed:
        return FAILED_HATCH
    if bar.is_quiet:
        return QUIET_HATCH
    return ""


def _text_width(text: str) -> float:
    width = len(text) * CHARACTER
    return width * SMALL_FONT / POINTS


def _list_name(bar: Bar) -> str:
    name = bar.name
    if len(name) > MOST_CHARACTERS:
        name = f"{name[: MOST_CHARACTERS - 1]}…"
    if bar.is_failed:
        return f"{name}, failed"
    return name

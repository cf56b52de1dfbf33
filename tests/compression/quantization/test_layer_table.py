"""layers.csv, and the notes on layers whose ranges waste resolution."""

import csv
import io
from dataclasses import replace

import pytest

from edgebake.compression.quantization import layer_table as report
from edgebake.models.activation_ranges import ActivationRange
from edgebake.runtimes.litert.calibrated_model import Layer

SEEN = ActivationRange(
    "r",
    low=-1.0,
    high=7.0,
    smallest=-1.25,
    largest=8.0,
    core_low=-0.5,
    core_high=6.0,
    channel_low=-0.75,
    channel_high=7.0,
    fingerprint=(0.0, 0.0, 0.0, 0.0),
)
HEAD = "layer,operator,low,high,width,smallest,largest,note,kept\n"


def _layer(name: str, **statistics: float) -> Layer:
    return Layer(f"model/{name}", "CONV_2D", name, replace(SEEN, **statistics), [name])  # type: ignore[arg-type]


SOUND = _layer("conv2d")
DEAD = _layer("dead", low=0.0, high=0.0)
SPIKY = _layer("spiky", low=-1.0, high=60.0)  # nearly all of it lies in -0.5 to 6


def test_a_row_has_range_width_and_what_was_seen() -> None:
    assert report.to_csv([SOUND], []) == f"{HEAD}conv2d,CONV_2D,-1,7,8,-1.25,8,,\n"


def test_layers_keep_their_order_and_say_what_is_wrong_and_which_are_kept() -> None:
    text = report.to_csv([SPIKY, SOUND, DEAD], [SOUND])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["layer"], row["note"], row["kept"]) for row in rows] == [
        ("spiky", "outliers", ""),
        ("conv2d", "", "kept"),
        ("dead", "zero width", ""),
    ]


def test_nothing_calibrated_is_a_head_alone() -> None:
    assert report.to_csv([], []) == HEAD


def test_a_name_with_a_comma_reads_back() -> None:
    text = report.to_csv([_layer("a,b")], [])
    assert next(csv.DictReader(io.StringIO(text)))["layer"] == "a,b"


@pytest.mark.parametrize(
    ("low", "high", "note"),
    [
        (-1.0, 7.0, ""),
        (-1.0, 51.0, ""),  # eight times -0.5 to 6 is 52 wide
        (-1.0, 51.5, "outliers"),
        (0.0, 0.0, "zero width"),
    ],
)
def test_a_range_is_noted_where_it_wastes_its_steps(low: float, high: float, note: str) -> None:
    assert report.note(_layer("a", low=low, high=high)) == note


def test_a_layer_that_is_nearly_always_zero_has_outliers() -> None:
    assert report.note(_layer("a", low=0.0, high=1.0, core_low=0.0, core_high=0.0)) == "outliers"


def test_one_channel_that_is_wider_than_all_others_is_an_outlier() -> None:
    assert (
        report.note(_layer("a", low=0.0, high=4.0, channel_low=0.0, channel_high=0.5, core_low=0.0))
        == ""
    )
    assert (
        report.note(_layer("a", low=0.0, high=4.1, channel_low=0.0, channel_high=0.5, core_low=0.0))
        == "outliers"
    )


def test_a_line_ends_with_the_layers_that_need_a_look() -> None:
    again = _layer("again", low=0.0, high=0.0)
    assert (
        report.notes_line([DEAD, SOUND, SPIKY, again])
        == ", zero width at dead again, outliers at spiky"
    )
    assert report.notes_line([SOUND]) == ""

"""What quantizing costs, in a table, in CSV and as bars."""

import csv
import io
import xml.etree.ElementTree as ET

import pytest

from edgebake.compression.quantization.sensitivity import LayerSensitivity
from edgebake.models.activation_ranges import ActivationRange
from edgebake.report import layer_costs, tables
from edgebake.report.layer_costs import LayerCostRow
from edgebake.runtimes.litert.calibrated_model import Layer

DEAREST = LayerCostRow("conv2d", "CONV_2D", 10.0, 0.0125, -1.5, 6.0)
MIDDLE = LayerCostRow("add", "ADD", 40.0, 0.0, 0.0, 6.0)
FREE = LayerCostRow("softmax", "SOFTMAX", float("inf"), -0.002, 0.0, 1.0)
SEEN = ActivationRange(
    "r",
    low=-1.00000049,
    high=6.1234567,
    smallest=-2.0,
    largest=7.0,
    core_low=-1.0,
    core_high=6.0,
    channel_low=-1.0,
    channel_high=6.0,
    fingerprint=(0.0, 0.0, 0.0, 0.0),
)
SVG = "{http://www.w3.org/2000/svg}"


def _drawn(rows: list[LayerCostRow], title: str = "pixel_8") -> ET.Element:
    """Return the plot as a reader of XML sees it."""
    return ET.fromstring(layer_costs.as_svg(title, rows))  # noqa: S314 - our own text


def _bars(plot: ET.Element) -> list[dict[str, str]]:
    return [bar.attrib for bar in plot.iter(f"{SVG}rect")]


def test_a_row_says_in_round_numbers_what_a_layer_costs() -> None:
    layer = Layer(
        "model/conv2d/Relu;model/conv2d/bias", "CONV_2D", "conv2d", SEEN, ["model/conv2d/Relu"]
    )
    assert layer_costs.rows([LayerSensitivity(layer, 31.23456, 1 / 3)]) == [
        LayerCostRow("conv2d", "CONV_2D", 31.23, 0.333333, -1.0, 6.123457)
    ]


def test_rows_keep_the_order_of_the_costs() -> None:
    found = [
        LayerSensitivity(Layer(name, "ADD", name, SEEN, [name]), 1.0, 0.0)
        for name in ("c", "a", "b")
    ]
    assert [row.layer for row in layer_costs.rows(found)] == ["c", "a", "b"]


def test_the_table_shows_decibels_percent_and_range() -> None:
    shown = [
        " ".join(line.split())
        for line in tables.as_text(layer_costs.as_table([DEAREST, FREE])).splitlines()
    ]
    assert shown[0] == "layer operator signal to noise accuracy lost range"
    assert shown[-2:] == [
        "conv2d CONV_2D 10.0 dB +1.25% -1.5 to 6",
        "softmax SOFTMAX inf dB -0.20% 0 to 1",
    ]


def test_csv_has_a_head_and_a_row_for_each_layer() -> None:
    assert layer_costs.as_csv([DEAREST, FREE]) == (
        "layer,operator,signal_to_noise_db,accuracy_lost,low,high\n"
        "conv2d,CONV_2D,10.0,0.0125,-1.5,6.0\n"
        "softmax,SOFTMAX,inf,-0.002,0.0,1.0\n"
    )


@pytest.mark.parametrize("name", ["a,b", 'a "b"', "a\nb"])
def test_csv_reads_back_whatever_a_layer_is_called(name: str) -> None:
    text = layer_costs.as_csv([LayerCostRow(name, "ADD", 1.0, 0.0, 0.0, 1.0), MIDDLE])
    assert [row[0] for row in csv.reader(io.StringIO(text))] == ["layer", name, "add"]


def test_the_plot_has_a_bar_for_each_layer_the_first_on_top_and_all_inside() -> None:
    plot = _drawn([DEAREST, MIDDLE, FREE])
    bars = _bars(plot)
    tops = [int(bar["y"]) for bar in bars]
    assert len(bars) == 3
    assert tops == sorted(set(tops))
    assert tops[-1] + int(bars[-1]["height"]) < int(plot.attrib["height"])
    assert all(int(bar["x"]) + float(bar["width"]) < int(plot.attrib["width"]) for bar in bars)


@pytest.mark.parametrize(
    ("decibels", "width"),
    [
        ([10.0, 40.0], ["100.0", "400.0"]),
        ([-3.0, 40.0], ["0.0", "400.0"]),
        ([20.0, float("inf")], ["400.0", "400.0"]),
        ([float("inf")], ["400.0"]),
        ([-3.0], ["0.0"]),
        ([0.5], ["200.0"]),
    ],
)
def test_a_bar_is_as_long_as_its_share_of_the_longest(
    decibels: list[float], width: list[str]
) -> None:
    rows = [LayerCostRow("a", "ADD", value, 0.0, 0.0, 1.0) for value in decibels]
    assert [bar["width"] for bar in _bars(_drawn(rows))] == width


def test_bars_of_layers_that_cost_accuracy_stand_out() -> None:
    costly, even, better = (bar["fill"] for bar in _bars(_drawn([DEAREST, MIDDLE, FREE])))
    assert costly != even == better


def test_the_plot_says_beside_each_bar_which_layer_and_how_much() -> None:
    title, *labels = [text.text for text in _drawn([DEAREST, FREE]).iter(f"{SVG}text")]
    assert title == "pixel_8: signal to noise of each layer in int8"
    assert labels == ["conv2d (CONV_2D)", "10.0 dB, +1.25%", "softmax (SOFTMAX)", "inf dB, -0.20%"]


def test_names_with_signs_of_xml_are_shown_as_they_are() -> None:
    name = """a<b> & "c" 'd' ]]> &amp;"""
    texts = [
        text.text
        for text in _drawn([LayerCostRow(name, "ADD", 1.0, 0.0, 0.0, 1.0)], title=name).iter(
            f"{SVG}text"
        )
    ]
    assert texts[:2] == [f"{name}: signal to noise of each layer in int8", f"{name} (ADD)"]


def test_a_plot_of_nothing_is_a_plot() -> None:
    assert _bars(_drawn([])) == []

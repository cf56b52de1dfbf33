"""The model card: what was measured and what the recipes say, in the sections of Mitchell et al. 2019.

"Model Cards for Model Reporting", https://doi.org/10.1145/3287560.3287596, figure 1; those of its sections that nothing
here knows of, such as ethical considerations, are left out. Numbers are the manifest's. Reads the plan. Writes nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from edgebake.bundle.components import architecture
from edgebake.recipe.stage_params import PackageParams

URL = re.compile(r"https?://[A-Za-z0-9./_~%#?=&+:@-]+")
# What begins or ends something in Markdown; HTML's own as entities, since not every reader knows `\<`.
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
MARKS = {mark: f"\\{mark}" for mark in "\\`*{}[]#!~$^"}
UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # one inside a word is only itself
AT_START = re.compile(r"^([-+=:]|\d+(?=[.)]))")  # of a line: a list, or what underlines a heading
MOST = 4  # numbers of a list that are shown one by one
PROTECTION = {
    "none": "none",
    "strip": "names, texts and metadata are taken out of the file",
    "encrypt": "names, texts and metadata are taken out of the file, and it is encrypted with AES-256-GCM",
}
MEANINGS = {
    "accuracy": "share of the test examples that the file answers as they are labelled",
    "float_accuracy": "share of the same that the float model answers so, from which the file was made",
    "loss": "float_accuracy less accuracy",
    "agreement_with_float": "share of the test examples that the file and the float model answer alike",
    "calibration_error": "how far confidence is from accuracy, on average (expected calibration error)",
    "size_mb": "all files of the model; 1 MB = 1,000,000 bytes",
    "macs": "multiply-accumulates of one image",
    "parameters": "weights and biases",
    "activation_peak_mb": "the largest sum of activations that are alive at once; 1 MB = 1,000,000 bytes",
}


def render(content: Mapping[str, Any], section: PackageParams) -> str:
    """Return the text of MODEL_CARD.md.

    Args:
        content: the manifest, less its files.
        section: what package reads.
    """
    title = escape_markdown(f"{content['name']} {content['version']}")
    lines = [
        *(f"# Model card: {title}", "", escape_markdown(content["description"])),
        *_details(content, section),
        *_listed("Intended use", section.card.intended_use),
        *_metrics(content),
        *_data(content),
        *_quantitative(content),
        *_listed("Caveats and recommendations", section.card.limits),
    ]
    return "\n".join(lines) + "\n"


def escape_markdown(text: str) -> str:
    """Return somebody's words as one line that shows them and does nothing else: no markup, no HTML, no table."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    shown = "".join(ENTITIES.get(mark) or MARKS.get(mark) or mark for mark in line)
    shown = UNDERSCORE.sub(r"\_", shown)
    return AT_START.sub(
        lambda found: f"{found[1]}\\" if found[1].isdigit() else f"\\{found[1]}", shown
    )


def _linked(source: str) -> str:
    return f"<{source}>" if URL.fullmatch(source) else escape_markdown(source)


def _listed(title: str, points: Iterable[str]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {escape_markdown(point)}" for point in points)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["", *(f"| {' | '.join(cells)} |" for cells in lines)]


def _details(content: Mapping[str, Any], section: PackageParams) -> list[str]:
    """Return who made what, from what, and how it can be held against its source."""
    source, signature = content["source"], content["signature"]
    families = sorted({architecture(target) for target in section.targets.values()})
    signed = (
        "nobody"
        if isinstance(signature, str)
        else f"key {signature['key_id']} ({signature['algorithm']})"
    )
    said = {
        "Author": content["author"],
        "License": content["license"],
        "Platform": content["platform"],
        "Task": ", ".join(sorted({target["task"] for target in content["targets"].values()})),
        "Architecture": ", ".join(families),
        "Commit": f"{source['git_commit']}{', with changes that were not committed' if source['dirty'] else ''}",
        "Signed by": signed,
    }
    return [
        "",
        "## Model details",
        "",
        *(f"- {word}: {escape_markdown(value)}" for word, value in said.items()),
    ]


def _metrics(content: Mapping[str, Any]) -> list[str]:
    found = {name for target in content["targets"].values() for name in target["metrics"]}
    meanings = [
        f"- {escape_markdown(name)}: {meaning}"
        for name, meaning in MEANINGS.items()
        if name in found
    ]
    return [
        *("", "## Metrics", ""),
        *meanings,
        "",
        "Intervals are of 95 %, two-sided; a dash stands where nothing was sampled. Latency and memory change from run",
        f"to run, so they are not here: {content['platform']}.measurements.json beside the bundle holds them.",
    ]


def _data(content: Mapping[str, Any]) -> list[str]:
    """Return what was learned from and measured on; which examples went where is the recipe's."""
    rows = [
        (
            one["kind"],
            escape_markdown(one["name"]),
            escape_markdown(one["license"]),
            escape_markdown(one["decision"]),
            _linked(one["source"]),
        )
        for one in content["licenses"]
    ]
    return [
        *("", "## Training and evaluation data, and all else that it is made from", ""),
        "Accuracy and what goes with it is counted in the test split, which nothing was trained or calibrated on.",
        *_table(("kind", "name", "license", "policy", "source"), rows),
    ]


def _quantitative(content: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", "## Quantitative analyses", "", "An app tries the targets in this order.")
    for name in content["chain"]:
        yield from _target(name, content["targets"][name])


def _target(name: str, target: Mapping[str, Any]) -> list[str]:
    said = {
        "For": f"{target['device']['name']}, system {target['device']['minimum_os']} or newer",
        "Runs on": f"{target['runtime']}: {', '.join(target['accelerators'])}",
        "Before the model": _steps(target["preprocessing"]),
        "After the model": _steps(target["postprocessing"]),
        "Protection": PROTECTION[target["protection"]],
        "Scheme": target["scheme"],
        "Tools": ", ".join(
            f"{tool} {version}" for tool, version in sorted(target["tools"].items())
        ),
        "Recipe": f"sha256 {target['recipe_sha256']}",
    }
    numbers = [_number_row(metric, found) for metric, found in target["metrics"].items()]
    return [
        *("", f"### {escape_markdown(name)}", ""),
        *(f"- {word}: {escape_markdown(value)}" for word, value in said.items()),
        *_table(("metric", "value", "95 % interval", "n", "measured"), numbers),
        *_table(
            ("gate", "asked", "confidence", "verdict"),
            [_gate_row(gate) for gate in target["gates"]],
        ),
        *_waivers(target["waivers"]),
    ]


def _steps(steps: Iterable[Mapping[str, Any]]) -> str:
    return ", then ".join(_step(step) for step in steps)


def _step(step: Mapping[str, Any]) -> str:
    words = [
        f"{word} {_short(value)}"
        for word, value in step.items()
        if word != "step" and value is not None
    ]
    return f"{step['step']} ({', '.join(words)})" if words else str(step["step"])


def _short(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_short, value)) if len(value) <= MOST else f"of {len(value):,}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number_row(metric: str, found: Mapping[str, Any]) -> list[str]:
    interval = " to ".join(_number(end) for end in found.get("interval", ())) or "-"
    n = f"{found['n']:,}" if "n" in found else "-"
    value = "-" if found["value"] is None else f"{_number(found['value'])}{_unit(found['unit'])}"
    return [escape_markdown(metric), value, interval, n, escape_markdown(_where(found))]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _unit(unit: str) -> str:
    return "" if unit in ("share", "1") else f" {escape_markdown(unit)}"


def _where(found: Mapping[str, Any]) -> str:
    """Return where a number comes from, or why there is none."""
    if found["value"] is None:
        return f"{found['where']}: {found['reason']}"
    threads = (
        f"{found['threads']} thread{'s' if found['threads'] > 1 else ''}"
        if "threads" in found
        else ""
    )
    place = ", ".join(word for word in (found.get("runtime"), threads) if word)
    return f"{found['where']}: {place}" if place else str(found["where"])


def _gate_row(gate: Mapping[str, Any]) -> list[str]:
    bound = "at_least" if "at_least" in gate else "at_most"
    asked = f"{bound.replace('_', ' ')} {gate[bound]:g}"
    return [
        escape_markdown(gate["gate"]),
        asked,
        f"{gate['confidence'] * 100:g} %",
        escape_markdown(gate["verdict"]),
    ]


def _waivers(waivers: Sequence[Mapping[str, str]]) -> list[str]:
    if not waivers:
        return ["", "No gate is waived."]
    said = [
        f"{one['gate']}, by {one['by']} until {one['until']}: {one['reason']}" for one in waivers
    ]
    return ["", "Waived:", "", *(f"- {escape_markdown(line)}" for line in said)]

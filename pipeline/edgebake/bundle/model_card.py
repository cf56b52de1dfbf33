"""The model card, MODEL_CARD.md: measurements and facts of the recipes.

Its sections are those of Mitchell et al. 2019, "Model Cards for Model Reporting",
https://doi.org/10.1145/3287560.3287596, figure 1, except those that need knowledge from outside the
recipes, such as ethical considerations. All numbers are those of the manifest.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from edgebake.bundle import metric_meanings
from edgebake.bundle.components import architecture
from edgebake.bundle.manifest_types import (
    GateEntry,
    InputEntry,
    ManifestBody,
    MeasurementEntry,
    SignatureEntry,
    Step,
    TargetEntry,
    WaiverEntry,
)
from edgebake.bundle.markdown import escape_markdown, link, table
from edgebake.bundle.tensors_of import inputs_of
from edgebake.data.readers.labels import preview
from edgebake.recipe.stage_params import PackageParams
from edgebake.runtimes.float_share import share_of_entry

Untested = Mapping[str, Sequence[str]]  # classes without test examples, by target
LIST_LENGTH = 4  # longer lists are replaced by their length
PROTECTION = {
    "none": "none",
    "strip": "names, texts and metadata are removed from the file",
    "encrypt": (
        "names, texts and metadata are removed from the file, and it is encrypted with AES-256-GCM"
    ),
}


def render(body: ManifestBody, section: PackageParams, untested: Untested) -> str:
    """Return the text of MODEL_CARD.md.

    Args:
        body: the manifest without its files.
        section: parameters of package for the platform.
        untested: the classes without test examples.
    """
    title = escape_markdown(f"{body['name']} {body['version']}")
    lines = [
        f"# Model card: {title}",
        "",
        escape_markdown(body["description"]),
        *_model_details(body, section),
        *_bullet_section("Intended use", section.card.intended_use),
        *_metrics(body),
        *_components(body),
        *_quantitative_analyses(body, untested),
        *_bullet_section("Caveats and recommendations", section.card.limits),
    ]
    return "\n".join(lines) + "\n"


def _bullet_section(title: str, points: Iterable[str]) -> list[str]:
    bullets = [f"- {escape_markdown(point)}" for point in points]
    return ["", f"## {title}", "", *bullets]


def _properties(values: Mapping[str, str]) -> list[str]:
    """Return a bullet for each label and its value."""
    return [f"- {label}: {escape_markdown(value)}" for label, value in values.items()]


def _model_details(body: ManifestBody, section: PackageParams) -> list[str]:
    """Return the model's author, license, origin and signature."""
    architectures = {architecture(target) for target in section.targets.values()}
    tasks = {target["task"] for target in body["targets"].values()}
    commit = body["source"]["git_commit"]
    if body["source"]["dirty"]:
        commit += ", with changes that were not committed"
    details = {
        "Author": body["author"],
        "Contact": section.card.contact or "not stated",
        "License": body["license"],
        "Platform": body["platform"],
        "Task": ", ".join(sorted(tasks)),
        "Architecture": ", ".join(sorted(architectures)),
        "Commit": commit,
        "Signed by": _format_signature(body["signature"]),
    }
    return ["", "## Model details", "", *_properties(details)]


def _format_signature(signature: str | SignatureEntry) -> str:
    if isinstance(signature, str):
        return "unsigned"
    return f"key {signature['key_id']} ({signature['algorithm']})"


def _metrics(body: ManifestBody) -> list[str]:
    """Return the meaning of each metric that a target has."""
    names: set[str] = set()
    for target in body["targets"].values():
        names |= target["metrics"].keys()
    tasks = sorted({target["task"] for target in body["targets"].values()})
    meanings = [
        f"- {escape_markdown(name)}: {meaning}"
        for name, meaning in metric_meanings.of(tasks).items()
        if name in names
    ]
    return [
        "",
        "## Metrics",
        "",
        *meanings,
        "",
        "Intervals are two-sided 95 % confidence intervals; a dash marks an exact number. "
        "Latency and memory",
        f"differ between runs, so they are in {body['platform']}.measurements.json next to the "
        "bundle.",
    ]


def _components(body: ManifestBody) -> list[str]:
    """Return the table of components; the recipe says which examples are in which split."""
    rows = [
        (
            component["kind"],
            escape_markdown(component["name"]),
            escape_markdown(component["license"]),
            escape_markdown(component["decision"]),
            link(component["source"]),
        )
        for component in body["licenses"]
    ]
    return [
        "",
        "## Training data, evaluation data and other components",
        "",
        "Accuracy is measured on the test split, which is not used for training or calibration.",
        *table(("kind", "name", "license", "policy", "source"), rows),
    ]


def _quantitative_analyses(body: ManifestBody, untested: Untested) -> Iterator[str]:
    yield from ("", "## Quantitative analyses", "", "An app tries the targets in this order.")
    for name in body["chain"]:
        yield from _target(name, body["targets"][name], untested[name])


def _target(name: str, target: TargetEntry, untested: Sequence[str]) -> list[str]:
    device = target["device"]
    tools = [f"{tool} {version}" for tool, version in sorted(target["tools"].items())]
    in_float = [share_of_entry(target["in_float"])] if "in_float" in target else []
    properties = {
        "For": f"{device['name']}, system {device['minimum_os']} or newer",
        "Runs on": f"{target['runtime']}: {', '.join(target['accelerators'])}",
        "Before the model": _format_inputs(inputs_of(target)),
        "After the model": _format_steps(target["postprocessing"]),
        "Protection": PROTECTION[target["protection"]],
        "Scheme": "; ".join([target["scheme"], *in_float]),
        "Float model": _format_reference(target),
        "Tools": ", ".join(tools),
        "Recipe": f"sha256 {target['recipe_sha256']}",
    }
    if untested:
        properties["Not tested"] = f"{preview(untested)}: no test example of these classes"
    metrics = [_metric_row(metric, entry) for metric, entry in target["metrics"].items()]
    gates = [_gate_row(gate) for gate in target["gates"]]
    return [
        "",
        f"### {escape_markdown(name)}",
        "",
        *_properties(properties),
        *table(("metric", "value", "95 % interval", "n", "measured"), metrics),
        *table(("gate", "limit", "confidence", "verdict"), gates),
        *_waivers(target["waivers"]),
    ]


def _format_reference(target: TargetEntry) -> str:
    """Return what float_accuracy was measured with."""
    reference = target.get("float_reference")
    if reference is None:
        return "a float file, not compared with the trained model"
    source = reference["source"]
    if reference["runtime"] is None:
        return f"the trained model itself, in {source}"
    return (
        f"a float file in {reference['runtime']}, which answers as {source} does for "
        f"{reference['same_answers']:,} of {reference['examples']:,} validation examples; "
        f"probabilities differ by at most {reference['difference_at_most']:g}"
    )


def _format_inputs(inputs: Sequence[InputEntry]) -> str:
    """Return the steps before the model, by input if there are several."""
    if len(inputs) == 1:
        return _format_steps(inputs[0]["preprocessing"])
    texts = [f"{entry['name']}: {_format_steps(entry['preprocessing'])}" for entry in inputs]
    return "; ".join(texts)


def _format_steps(steps: Iterable[Step]) -> str:
    return ", then ".join(_format_step(step) for step in steps)


def _format_step(step: Step) -> str:
    """Return a step as its name and its parameters: `decode (colour rgb)`."""
    parameters = [
        f"{key} {_format_parameter(value)}"
        for key, value in step.items()
        if key != "step" and value is not None
    ]
    name = str(step["step"])
    return f"{name} ({', '.join(parameters)})" if parameters else name


def _format_parameter(value: object) -> str:
    if isinstance(value, list):
        if len(value) > LIST_LENGTH:
            return f"of {len(value):,}"
        return " ".join(_format_parameter(element) for element in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _metric_row(name: str, measurement: MeasurementEntry) -> list[str]:
    value = "-"
    if measurement["value"] is not None:
        value = _format_number(measurement["value"])
        if measurement["unit"] not in ("share", "1"):
            value += f" {escape_markdown(measurement['unit'])}"
    interval = "-"
    if "interval" in measurement:
        interval = " to ".join(_format_number(bound) for bound in measurement["interval"])
    n = f"{measurement['n']:,}" if "n" in measurement else "-"
    origin = escape_markdown(_format_origin(measurement))
    return [escape_markdown(name), value, interval, n, origin]


def _format_number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _format_origin(measurement: MeasurementEntry) -> str:
    """Return where a value was measured, or why it was not."""
    where = measurement["where"]
    if measurement["value"] is None:
        return f"{where}: {measurement['reason']}"
    details = []
    if measurement.get("runtime"):
        details.append(measurement["runtime"])
    if "threads" in measurement:
        plural = "s" if measurement["threads"] > 1 else ""
        details.append(f"{measurement['threads']} thread{plural}")
    return f"{where}: {', '.join(details)}" if details else where


def _gate_row(gate: GateEntry) -> list[str]:
    name, verdict = escape_markdown(gate["gate"]), escape_markdown(gate["verdict"])
    return [name, _format_limit(gate), f"{gate['confidence'] * 100:g} %", verdict]


def _format_limit(gate: GateEntry) -> str:
    if "at_least" in gate:
        return f"at least {gate['at_least']:g}"
    return f"at most {gate['at_most']:g}"


def _waivers(waivers: Sequence[WaiverEntry]) -> list[str]:
    if not waivers:
        return ["", "No gate is waived."]
    lines = ["", "Waived:", ""]
    for waiver in waivers:
        text = f"{waiver['gate']}, by {waiver['by']} until {waiver['until']}: {waiver['reason']}"
        lines.append(f"- {escape_markdown(text)}")
    return lines

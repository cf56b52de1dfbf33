"""The output of a classifier is its probabilities: label and dictionary are no tensors."""

from tests.runtimes.coreml.programs import Op, answers, files, labels, op, real


def test_the_probabilities_stand_for_what_a_classifier_returns() -> None:
    outputs = {"label": ("string", ()), "label_probs": ("dictionary", ())}
    head = Op("classify", {"probabilities": "y", "classes": labels(["cat", "dog"])}, outputs)
    content = files(
        {"x": real(1, 2)}, [op("softmax", {"x": "x"}, y=real(1, 2)), head], ["label", "label_probs"]
    )
    assert {
        name: value.tolist() for name, value in answers(content, {"x": [[7.0, 7.0]]}).items()
    } == {"y": [[0.5, 0.5]]}

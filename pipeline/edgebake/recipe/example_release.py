"""Texts of the example release in recipes/release.yaml, which describe a model of digits."""

DATA_SOURCE = "digits"  # the texts are true of models of these data
NAME = "digits"
AUTHOR = "The edgebake developers"
DESCRIPTION = "Reads one handwritten digit, 0 to 9, from a small grey image."
INTENDED_USE = (
    "Reading one digit at a time, written by hand and cut out of a clean scan.",
    "Trying out edgebake and the apps around it.",
)
LIMITS = (
    "It answers with a digit whatever the image shows; "
    "the threshold alone holds back what it is not sure of.",
    "It has seen digits of 43 people, scanned at 8 x 8 pixels with 17 levels of grey; "
    "photos are something else.",
)
SENTENCES = frozenset({DESCRIPTION, *INTENDED_USE, *LIMITS})
# What a release says of its model if nobody says anything.
NOT_STATED = "Not stated."

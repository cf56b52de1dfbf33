"""The networks that edgebake builds itself."""

from pipeline import plugins
from pipeline.model_rules import IMPORT

NAMES = [name for name in plugins.options("model.architecture") if name != IMPORT]

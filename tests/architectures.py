"""The networks that edgebake builds itself."""

from edgebake import plugins
from edgebake.plan.checks.model import IMPORT

NAMES = [name for name in plugins.options("model.architecture") if name != IMPORT]

"""The default of fields without a default."""

from typing import Any

# OmegaConf's own mark; importing OmegaConf for it would cost every stage a tenth of a second.
MISSING: Any = "???"

"""Inspect model files without running them or loading their framework.

One module per format, which `file` chooses; `report.model_file` shows the result.
"""

"""Builds on several machines, with Dask distributed: docs/guides/cluster.md."""

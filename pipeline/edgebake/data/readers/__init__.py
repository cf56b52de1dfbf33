"""Readers that data sources share: images, NumPy arrays, TFRecords, CSV tables and labels."""

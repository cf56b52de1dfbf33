"""Signatures, provenance and encryption of bundles, and verification of bundles from anywhere."""

"""Prove where a bundle is from, protect it, and check one that somebody else made."""

"""Latency of converted files: the stopwatch, its protocol, and statistics of its recordings."""

"""Evaluation of converted files: accuracy, latency, gates and golden vectors."""

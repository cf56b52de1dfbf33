"""The verbs of `edgebake`: main.py parses, and each verb that is more than a call has a file."""

"""A model file that somebody brought in, what can be read from it out: nothing in it is run.

A module per format, `file` to tell which, `report` and `recipe` for what a person sees.
"""

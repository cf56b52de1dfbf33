"""Models and what travels with them: built here, imported, inspected, exported to a graph."""

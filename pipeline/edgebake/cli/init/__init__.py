"""A few answers in, the recipes of a target out, and of the data and the model that it is made from."""

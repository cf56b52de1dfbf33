"""The machine that builds: who may use it, its isolated cores, and the load of other programs."""

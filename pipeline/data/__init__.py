"""Sources of examples, one file each: count(data) cheaply, load(data) whole; TOOLS are the distributions they read with."""

"""The six stages, one file each: run(job) reads, calls, writes and returns one line for the terminal."""

"""Time a converted file: the stopwatch, its protocol, and statistics of what it measured."""

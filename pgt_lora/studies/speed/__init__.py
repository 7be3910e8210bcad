"""The benchmark: this kit and others, by turns, on the same samples, each run in a process of its own."""

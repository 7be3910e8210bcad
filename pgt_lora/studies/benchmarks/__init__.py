"""The paper's benchmarks: lmms-eval answers the questions, this project asks, counts and compares."""

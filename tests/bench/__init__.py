"""Benchmarks: figures as JSON, with the outputs checked while they are timed."""

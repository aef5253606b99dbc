"""Compares what a package computes in the browser with what its checkpoint means in NumPy."""

"""Runs the instance of a program in NumPy: what any plan computes, without kernels and without a device."""

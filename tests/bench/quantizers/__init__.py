"""Our q4 of floats against llama.cpp's and MLC's quantizers: see __main__.py."""

"""What runs on the machine with the GPU, with bash and Python and nothing else: run.sh, then run.py."""

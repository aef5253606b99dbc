"""``python -m nomoat.demo``: the whole path, from a GGUF file to an answer in a web page, in one command."""

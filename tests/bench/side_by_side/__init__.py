"""SmolLM2 in this project's engine and in its peers, on one machine, in one browser, in turns: see __main__.py."""

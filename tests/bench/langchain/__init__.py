"""LangChain's standard tests of chat models, run through langchain-openai against `nomoat serve`: see __main__.py."""

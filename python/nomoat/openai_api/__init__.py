"""The served models behind OpenAI's paths (/v1), computed by the runtime in headless Chromium."""

from nomoat.openai_api.app import ApiOptions, create_api_app

__all__ = ["ApiOptions", "create_api_app"]

"""LangChain's standard tests with this server as the model. Run by __main__.py in an environment of its own."""

from __future__ import annotations

import os
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests


class TestServer(ChatModelIntegrationTests):
    """What the server can do is on; images, audio and PDF are not what a text model takes."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": os.environ["NOMOAT_MODEL"],
            "base_url": os.environ["NOMOAT_URL"],
            "api_key": "none",
            "max_retries": 0,
            "stream_usage": True,
            # A small model may go on to the end of its context, which is minutes on a CPU.
            "max_tokens": 256,
            "temperature": 0,
        }

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return False

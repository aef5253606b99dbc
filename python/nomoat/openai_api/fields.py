"""The fields of a request that is read here, by a pydantic model that refuses what it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from nomoat_compiler.errors import NomoatError
from pydantic import BaseModel, ValidationError

Fields = TypeVar("Fields", bound=BaseModel)


def read_fields(model: type[Fields], body: Mapping[str, Any], hints: Mapping[str, str]) -> Fields:
    """``hints``: advice by field. Raises ``NomoatError`` ``invalid_request`` with the field's name as ``param``."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][:1])
        hint = f" {hints[field]}" if field in hints else ""
        raise NomoatError("invalid_request", f"{field}: {first['msg']}.{hint}", param=field) from error

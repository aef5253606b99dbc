"""``GET /models``: which models this server offers, and where their packages are."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from pydantic import BaseModel

from nomoat.server.packages import ServedPackage


class ModelEntry(BaseModel):
    """One served model. ``url`` ends in "/" and has nomoat.json below it: what ``engine.load({url})`` takes."""

    id: str
    name: str
    architecture: str
    quantization: str
    bytes: int
    context_length: int
    parameter_count: int
    license: str | None
    url: str


class AdapterEntry(BaseModel):
    """One served adapter. ``base``: the id of its model; ``url``: what ``loadAdapter`` takes."""

    id: str
    name: str
    base: str
    bytes: int
    url: str


class Registry(BaseModel):
    models: list[ModelEntry]
    adapters: list[AdapterEntry]


def router(packages: Mapping[str, ServedPackage]) -> APIRouter:
    routes = APIRouter()

    @routes.api_route("/models", methods=["GET", "HEAD"])
    def models(request: Request) -> Registry:
        base_url = str(request.base_url)
        return Registry(
            models=[entry(package, base_url) for package in packages.values() if not package.is_adapter],
            adapters=[adapter_entry(package, base_url) for package in packages.values() if package.is_adapter],
        )

    return routes


def adapter_entry(package: ServedPackage, base_url: str) -> AdapterEntry:
    return AdapterEntry(
        id=package.model_id,
        name=package.manifest["name"],
        base=package.manifest["base"]["id"],
        bytes=package.nbytes,
        url=f"{base_url}models/{package.model_id}/",
    )


def entry(package: ServedPackage, base_url: str) -> ModelEntry:
    manifest = package.manifest
    return ModelEntry(
        id=package.model_id,
        name=manifest["name"],
        architecture=manifest["architecture"],
        quantization=manifest["quantization"],
        bytes=package.nbytes,
        context_length=manifest["context_length"],
        parameter_count=manifest["parameter_count"],
        license=manifest["license"],
        url=f"{base_url}models/{package.model_id}/",
    )

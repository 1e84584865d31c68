"""The shapes in which the layers of the service say no."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response

Json = dict[str, Any]


def refused(code: int, description: str, *, result: str = "", properties: Json | None = None) -> Response:
    """A refusal as the layers behind the gateway send it: HTTP 200, and only the body tells."""
    body = {"code": code, "description": description, "result": result, "properties": properties or {}}
    return JSONResponse(body)


def upstream_error(description: str, status: int = 400, code: int = 4) -> Response:
    """A refusal as the gateway itself sends it."""
    return JSONResponse({"description": description, "type": "upstream_error", "code": code}, status)


def envelope(status: int, message: str, code: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """An error in the envelope that the provider documents."""
    body = {"error": {"message": message, "type": "comet_api_error", "param": "", "code": code}}
    return JSONResponse(body, status, headers)


def page(status: int, title: str) -> Response:
    """What stands in front of the service says in HTML."""
    return HTMLResponse(
        f"<html><head><title>{title}</title></head><body><h1>{status} {title}</h1></body></html>", status
    )

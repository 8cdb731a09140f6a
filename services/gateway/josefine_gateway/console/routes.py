"""The routes of the console, for the gateway to mount."""

from collections.abc import Sequence

from fastapi import APIRouter, HTTPException
from fastapi.params import Depends
from starlette.requests import Request
from starlette.responses import Response

from josefine_gateway.console.page import INDEX, SECURITY_HEADERS, answer, packaged_assets
from josefine_gateway.console.pipeline import Pipeline
from josefine_gateway.console.view import PipelineView


def console_routes(pipeline: Pipeline, dependencies: Sequence[Depends] = ()) -> APIRouter:
    """Returns the routes: / and /console/static/* for everybody, /console/pipeline for whom `dependencies` let in."""
    assets = packaged_assets()
    router = APIRouter()

    @router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request) -> Response:
        return answer(assets[INDEX], request)

    @router.api_route("/console/static/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def asset(request: Request, name: str) -> Response:
        if name not in assets:
            raise HTTPException(404, headers=SECURITY_HEADERS)
        return answer(assets[name], request)

    @router.get("/console/pipeline", dependencies=dependencies, summary="The pipeline at this time")
    async def view(response: Response) -> PipelineView:
        response.headers["Cache-Control"] = "no-store"
        return await pipeline.view()

    return router

"""Answers that go to the URL that a client named, whatever becomes of its request."""

import json
from collections.abc import Awaitable
from typing import Any

from josefine_gateway.access.principal import Principal
from josefine_gateway.listen.query import Answered
from josefine_gateway.outward.callbacks import Destination
from josefine_gateway.parts import Parts
from josefine_gateway.refusals import refusal_of
from josefine_gateway.shape.errors import legacy


def destination(parts: Parts, principal: Principal, options: Answered, request_id: str) -> Destination:
    """Returns where the results of a request with a callback go, and how they are signed."""
    return Destination(
        url=options.callback or "",
        request_id=request_id,
        method=options.callback_method,
        secret=principal.callback_secret or parts.settings.callback_secret or None,
    )


async def call_back(parts: Parts, to: Destination, answer: Awaitable[dict[str, Any]]) -> None:
    """Sends the answer once it is there, or the refusal in its place."""
    try:
        body = await answer
    except Exception as error:  # noqa: BLE001 - whatever it is, the client is owed an answer; refusal_of logs the rest
        refusal = refusal_of(error)
        body = legacy(refusal.status, refusal.message, to.request_id, code=refusal.code)
    await parts.callbacks.send(to, json.dumps(body).encode())

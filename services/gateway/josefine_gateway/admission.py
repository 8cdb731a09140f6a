"""What every route asks first."""

from josefine_gateway.access.credentials import Headers
from josefine_gateway.access.keys import Known
from josefine_gateway.parts import Parts
from josefine_gateway.refusals import draining
from josefine_state.api_keys import Scope


async def admitted(parts: Parts, headers: Headers, scope: Scope, *, websocket: bool = False) -> Known:
    """Returns who asks, where they may use `scope` and this replica takes new work.

    Raises:
        AccessError: they may not, or it does not.
    """
    known = await parts.door.who(headers, websocket=websocket)
    known.principal.require(scope)
    if parts.draining.is_set():
        raise draining()
    return known

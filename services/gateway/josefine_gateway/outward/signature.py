"""How a receiver knows that a callback is genuine and recent. Pure.

`josefine-signature: t=1700000000,v1=HEX`, where HEX is the HMAC-SHA-256 of `1700000000.` and the body, under the
secret. The receiver computes it again, compares in constant time, and refuses a `t` that is some minutes old: a
recorded request cannot be sent again later.
"""

import hashlib
import hmac
from typing import Final

HEADER: Final = "josefine-signature"


def signature(secret: str, body: bytes, at_s: int) -> str:
    """Returns the header's value; `at_s` is Unix time."""
    digest = hmac.new(secret.encode(), b"%d." % at_s + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"

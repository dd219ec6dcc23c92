"""Standard Webhooks: is this delivery from who holds the secret, and fresh?"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE_S = 300


def verified(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> bool:
    """True when one of the signatures is right and the time stamp is within tolerance.

    `headers` has lower-case names; `secret` is spelt whsec_ and base64.
    """
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(now_s - int(stamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers.get('webhook-id', '')}.{stamp}.".encode() + body
    right = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(right, one) for one in given)

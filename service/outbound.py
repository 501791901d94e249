"""The one maker of HTTP clients for outgoing calls, with limits; and, with `orders.carriers`, all that knows httpx.

Nothing here is called while a transaction is open.
"""

import httpx

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
CONNECTIONS_MAX = 20

NoAnswer = httpx.HTTPError
"""What a call raises when it gets no (whole) answer: nobody knows whether the other side did the work."""
Client = httpx.AsyncClient


def client() -> httpx.AsyncClient:
    """Return a client that gives up after 10 s (5 s to connect) and follows no redirects and no proxies of the host."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
        follow_redirects=False,
        trust_env=False,
    )

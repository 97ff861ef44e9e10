"""Raw ASGI peer, for granian: no framework at all."""

from peer_work import WORK

FIELDS = [(b"content-type", b"application/json")]


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    pieces, more = [], True
    while more:
        event = await receive()
        pieces.append(event.get("body", b""))
        more = event.get("more_body", False)
    work = WORK.get(scope["path"])
    content = work(b"".join(pieces)) if work else b""
    length = (b"content-length", b"%d" % len(content))
    await send({"type": "http.response.start", "status": 200 if work else 404, "headers": [*FIELDS, length]})
    await send({"type": "http.response.body", "body": content})

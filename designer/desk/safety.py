"""What every request meets first: who may ask, from where, how much may be sent, and what the browser may do with a page.

Loopback needs no token; a name that isn't loopback's is refused all the same, since a page of somebody else's can make a
browser ask 127.0.0.1 under its own name. Beyond loopback every request needs the token that the desk printed.
"""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN_NAME = "token"  # the name of a parameter and of a cookie, no secret
COOKIE = "designer_desk"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with "no-referrer" a browser calls the origin of our own forms null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


class Door(NamedTuple):
    """Where the desk listens. token: what a request beyond loopback must bring, "" where it listens on loopback only."""

    host: str
    port: int
    token: str = ""

    @property
    def is_local(self) -> bool:
        return self.host in LOOPBACK


class Guard:
    """Wraps the desk: refuses what must not come in, and adds the headers to what goes out."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_safely)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._door.is_local and not self._names_us(host):
            return _no(421, f"This desk answers on {self._door.host}:{self._door.port} only.")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return _no(405, "Only GET, HEAD and POST are answered.")
        if scope["method"] == "POST" and not _is_same_origin(headers, host):
            return _no(403, "This was not sent from a page of the desk.")
        return None if self._door.is_local else self._without_token(scope, headers)

    def _names_us(self, host: str) -> bool:
        """Say whether a Host header is loopback's, with our port."""
        try:
            parts = urlsplit(f"//{host}")
            return parts.hostname in LOOPBACK and (parts.port or 80) == self._door.port
        except ValueError:
            return False

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """Let a request in that has the token: in its cookie, or in the address, from where it moves to the cookie."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get(TOKEN_NAME, [""])[0]
        if _same(_cookie(headers), self._door.token):
            return None
        if not _same(given, self._door.token):
            return _no(401, "Open the address that `designer review` printed: it holds a token.")
        answer = RedirectResponse(scope["path"].replace("//", "/"), status_code=303)
        answer.set_cookie(COOKIE, self._door.token, httponly=True, samesite="strict", path="/")
        return answer


def _is_same_origin(headers: Headers, host: str) -> bool:
    """Say whether a request names a page of ours as its origin. A browser always sends one with a POST."""
    return headers.get("origin", "").partition("://")[2] == host != ""


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _same(given: str, wanted: str) -> bool:
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())


def _no(status: int, why: str) -> PlainTextResponse:
    return PlainTextResponse(why + "\n", status_code=status)

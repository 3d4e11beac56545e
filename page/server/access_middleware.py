"""The middleware before every route of the server, Gradio's and ours.

Denies requests by the rules of `access_policy.py`, limits their size, accepts keys, and adds the headers that keep a
browser from asking other hosts for anything.
"""

import http
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from page.server.access_keys import Role, TooManyWrongKeys, WrongKey
from page.server.access_policy import (
    MAX_BODY_BYTES,
    ROLE,
    AccessDenied,
    AccessPolicy,
    address_of,
    cookie_name,
    is_known_path,
)
from page.server.key_page import KEY_PAGE_POLICY, key_page

KEY, NEXT = "key", "next"  # of the address, and of the form of the key page
ENTER = "/key"
MAX_FORM_BYTES = 1 << 13
# Gradio's page needs scripts in line; what it may load, and where it may send anything, is this server alone.
PAGE_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
TOO_LARGE = f"Nothing larger than {MAX_BODY_BYTES >> 10} kB is taken here."
GIVE_KEY = "Give the key first."
WRONG_KEY = "That key is not right. Keys change when the server starts anew: ask for a new link."


class AccessMiddleware:
    """ASGI middleware: the rules of an `entrance` before `app`."""

    def __init__(self, app: ASGIApp, entrance: AccessPolicy) -> None:
        self._app, self._entrance = app, entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        connection = HTTPConnection(scope)
        try:
            self._entrance.check_place(connection)
            if scope["type"] != "http":
                raise AccessDenied(403, "Nothing here is asked for in this way.")
            await self._answer(scope, receive, send)
        except AccessDenied as refusal:
            await _turn_away(refusal, scope, receive, send)
        except ClientDisconnect:  # gone before the form of the key page was whole
            return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if _told_length(request) > MAX_BODY_BYTES:
            raise AccessDenied(413, TOO_LARGE)
        if not is_known_path(request.scope["path"]):
            raise AccessDenied(404, "There is nothing at this address.")
        is_entering = request.scope["path"] == ENTER or (request.scope["path"] == "/" and KEY in request.query_params)
        response = await self._let_in(request) if is_entering else self._reload_of_old_tab(request)
        if response is not None:
            return await response(scope, receive, _with_headers(send))
        scope[ROLE] = self._role_of(request)
        await self._app(scope, _limited(receive), _with_headers(send))

    def _role_of(self, request: Request) -> Role:
        try:
            return self._entrance.role_of(request)
        except (WrongKey, TooManyWrongKeys) as problem:
            raise _refused_key(problem) from None

    def _reload_of_old_tab(self, request: Request) -> Response | None:
        """A tab that was open while the server started anew asks for this until it gets an answer; then it reloads, and
        comes to the page that asks for the new key."""
        if request.scope["path"] == "/gradio_api/app_id":
            try:
                self._role_of(request)
            except AccessDenied as refusal:
                return JSONResponse({"app_id": 0}) if refusal.asks_key else None
        return None

    async def _let_in(self, request: Request) -> Response:
        """Answer a key, from a link or from the form of the key page, with a cookie and the page itself."""
        key, following = await _offered(request)
        if self._entrance.role_without_key(request) is not None:
            return RedirectResponse(following, http.HTTPStatus.SEE_OTHER)
        try:
            role = self._entrance.back_off.try_key(self._entrance.keys, address_of(request), key)
        except (WrongKey, TooManyWrongKeys) as problem:
            refusal = _refused_key(problem, GIVE_KEY if not key else WRONG_KEY)
            return _key_page(refusal, following)
        return self._welcome(request, role, following)

    def _welcome(self, request: Request, role: Role, following: str) -> Response:
        response = RedirectResponse(following, http.HTTPStatus.SEE_OTHER, {"cache-control": "no-store"})
        is_secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
        token = self._entrance.keys.token(role)
        response.set_cookie(cookie_name(request), token, httponly=True, samesite="lax", secure=is_secure)
        return response


async def _offered(request: Request) -> tuple[str, str]:
    """The key that a request offers, and the address to show then."""
    if request.method != "POST":
        rest = [(name, value) for name, value in request.query_params.multi_items() if name != KEY]
        return request.query_params.get(KEY, ""), f"/?{urlencode(rest)}" if rest else "/"
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM_BYTES:
            raise AccessDenied(413, TOO_LARGE)
    form = dict(parse_qsl(body.decode("utf-8", "replace")))
    return _key_in(form.get(KEY, "")), safe_next(form.get(NEXT, ""))


def _key_in(typed: str) -> str:
    """The key that somebody typed, by itself or in the whole link."""
    typed = typed.strip().partition("#")[0]
    return dict(parse_qsl(typed.rpartition("?")[2])).get(KEY, "") if f"{KEY}=" in typed else typed


def safe_next(following: str) -> str:
    """The query of an address within this page; anything else becomes the page itself."""
    query = following.partition("?")[2] if following.startswith("/?") else ""
    pairs = [(name, value) for name, value in parse_qsl(query) if name != KEY]
    return f"/?{urlencode(pairs)}" if pairs else "/"


def _told_length(request: Request) -> int:
    told = request.headers.get("content-length", "0")
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 20 else MAX_BODY_BYTES + 1


def _limited(receive: Receive) -> Receive:
    """The same body, as far as the limit: its length may not have been told, or not truly."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY_BYTES:
            raise HTTPException(413, TOO_LARGE)  # the one kind that frameworks pass on as it is
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if headers.get("content-type", "").startswith("text/html"):
                headers.setdefault("content-security-policy", PAGE_POLICY)
        await send(message)

    return adding


def _refused_key(problem: WrongKey | TooManyWrongKeys, wrong: str = WRONG_KEY) -> AccessDenied:
    if isinstance(problem, WrongKey):
        return AccessDenied(401, wrong, asks_key=True)
    wait_s = max(1, round(problem.wait_s))
    sentence = f"Too many wrong keys came from your address. Check the key, or wait {wait_s} s."
    return AccessDenied(429, sentence, asks_key=True, wait_s=wait_s)


def _key_page(refusal: AccessDenied, following: str, sentence: str | None = None) -> Response:
    headers = {"content-security-policy": KEY_PAGE_POLICY, "cache-control": "no-store"}
    if refusal.wait_s:
        headers["retry-after"] = str(refusal.wait_s)
    shown = refusal.sentence if sentence is None else sentence
    return HTMLResponse(key_page(shown, following), refusal.status, headers)


async def _turn_away(refusal: AccessDenied, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    request = Request(scope, receive)
    if refusal.asks_key and scope["path"] == "/":
        response = _key_page(refusal, safe_next(f"/?{request.url.query}"), sentence="")
    else:
        headers = {"cache-control": "no-store", **({"retry-after": str(refusal.wait_s)} if refusal.wait_s else {})}
        response = JSONResponse({"error": refusal.sentence}, refusal.status, headers)
    await response(scope, receive, _with_headers(send))

"""The middleware in front of every route of the server, Gradio's and our own.

Denies requests by the rules of `access_policy.py`, limits their size, accepts keys, and adds the headers that stop a
browser from sending requests to other hosts.
"""

import http
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from page.server.access_keys import Role
from page.server.access_policy import (
    APP_ID_PATH,
    MAX_BODY_BYTES,
    ROLE,
    AccessDenied,
    AccessPolicy,
    cookie_name,
    is_known_path,
)
from page.server.base_path import BASE_PATH, address_below, below_base
from page.server.key_page import KEY_FIELD, KEY_PAGE_POLICY, KEY_PATH, NEXT_FIELD, key_page

MAX_FORM_BYTES = 1 << 13
# Gradio's page needs inline scripts; it may load from, and send to, this server alone. Behind the last word stand the
# sites that may show it in a frame.
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


class AccessMiddleware:
    """ASGI middleware that applies an access policy in front of `app`."""

    def __init__(self, app: ASGIApp, policy: AccessPolicy) -> None:
        self._app, self._policy = app, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        scope = below_base(scope, self._policy.base_path)
        try:
            self._policy.check_source(HTTPConnection(scope))
            if scope["type"] != "http":
                raise AccessDenied(403, "Nothing here is asked for in this way.")
            await self._serve(scope, receive, send)
        except AccessDenied as denial:
            await _deny(denial, scope, receive, send)
        except ClientDisconnect:  # before the form of the key page had arrived
            return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if _declared_length(request) > MAX_BODY_BYTES:
            raise AccessDenied(413, TOO_LARGE)
        if not scope["path"]:  # the base path alone: addresses below it are relative to the folder
            address = f"{scope[BASE_PATH]}/{_query_of(request)}"
            return await RedirectResponse(address)(scope, receive, self._add_headers(send))
        if not is_known_path(scope["path"]):
            raise AccessDenied(404, "There is nothing at this address.")
        response = await self._own_response(request)
        if response is not None:
            return await response(scope, receive, self._add_headers(send))
        scope[ROLE] = self._policy.role_of(request)
        await self._app(scope, _limit_body(receive), self._add_headers(send))

    def _add_headers(self, send: Send) -> Send:
        return _add_headers(send, " ".join((PAGE_POLICY, *self._policy.framed_by)))

    async def _own_response(self, request: Request) -> Response | None:
        """The response to a key or to an outdated tab, or None if the request is for the application."""
        path = request.scope["path"]
        if path == KEY_PATH or (path == "/" and KEY_FIELD in request.query_params):
            return await self._accept_key(request)
        return self._reload_outdated_tab(request) if path == APP_ID_PATH else None

    def _reload_outdated_tab(self, request: Request) -> Response | None:
        """Make a tab reload that was open during a restart of the server.

        Such a tab requests its id until it gets an answer. Without a right key it gets another id than its own, so it
        reloads and arrives at the key page.
        """
        try:
            self._policy.role_of(request)
        except AccessDenied:
            return JSONResponse({"app_id": 0})
        return None

    async def _accept_key(self, request: Request) -> Response:
        """Answer a key, from a link or from the form of the key page, with a cookie and a redirect to the page."""
        key, target = await _submitted_key(request)
        if self._policy.role_without_key(request) is not None:
            return RedirectResponse(_address(request, target), http.HTTPStatus.SEE_OTHER)
        try:
            role = self._policy.try_key(request, key)
        except AccessDenied as denial:
            return _key_page(denial, request, target, denial.message)
        return self._set_cookie(request, role, target)

    def _set_cookie(self, request: Request, role: Role, target: str) -> Response:
        address = _address(request, target)
        response = RedirectResponse(address, http.HTTPStatus.SEE_OTHER, {"cache-control": "no-store"})
        is_secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
        token = self._policy.keys.token(role)
        # Without a path a cookie belongs to the folder of the address that sets it, which is that of the page.
        options = dict(path=request.scope[BASE_PATH] or None, httponly=True, samesite="lax", secure=is_secure)
        response.set_cookie(cookie_name(request), token, **options)
        return response


async def _submitted_key(request: Request) -> tuple[str, str]:
    """The key of a link or form ("" for none), and the address to redirect to afterwards."""
    if request.method != "POST":
        rest = [(name, value) for name, value in request.query_params.multi_items() if name != KEY_FIELD]
        return request.query_params.get(KEY_FIELD, ""), f"/?{urlencode(rest)}" if rest else "/"
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > MAX_FORM_BYTES:
            raise AccessDenied(413, TOO_LARGE)
    form = dict(parse_qsl(body.decode("utf-8", "replace")))
    return _key_in(form.get(KEY_FIELD, "")), safe_target(form.get(NEXT_FIELD, ""))


def _key_in(text: str) -> str:
    """The key in a text field that holds either the key alone or the whole link."""
    text = text.strip().partition("#")[0]
    return dict(parse_qsl(text.rpartition("?")[2])).get(KEY_FIELD, "") if f"{KEY_FIELD}=" in text else text


def safe_target(address: str) -> str:
    """An address of this page with its query; any other address becomes the page itself."""
    query = address.partition("?")[2] if address.startswith("/?") else ""
    pairs = [(name, value) for name, value in parse_qsl(query) if name != KEY_FIELD]
    return f"/?{urlencode(pairs)}" if pairs else "/"


def _address(request: HTTPConnection, target: str) -> str:
    return address_below(request.scope[BASE_PATH], target)


def _query_of(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""


def _declared_length(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else MAX_BODY_BYTES + 1


def _limit_body(receive: Receive) -> Receive:
    """The same body up to the limit: its declared length may be missing or false."""
    count = 0

    async def receive_counted() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        if count > MAX_BODY_BYTES:
            raise HTTPException(413, TOO_LARGE)  # the only kind of exception that frameworks pass on unchanged
        return message

    return receive_counted


def _add_headers(send: Send, page_policy: str = PAGE_POLICY) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if headers.get("content-type", "").startswith("text/html"):
                headers.setdefault("content-security-policy", page_policy)
        await send(message)

    return send_with_headers


def _denial_headers(denial: AccessDenied) -> dict[str, str]:
    return {"cache-control": "no-store", **({"retry-after": str(denial.wait_s)} if denial.wait_s else {})}


def _key_page(denial: AccessDenied, request: Request, target: str, message: str) -> Response:
    headers = {"content-security-policy": KEY_PAGE_POLICY, **_denial_headers(denial)}
    return HTMLResponse(key_page(message, target, _address(request, KEY_PATH)), denial.status, headers)


async def _deny(denial: AccessDenied, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    if denial.needs_key and scope["path"] == "/":
        request = Request(scope)
        response = _key_page(denial, request, safe_target(f"/?{request.url.query}"), message="")
    else:
        response = JSONResponse({"error": denial.message}, denial.status, _denial_headers(denial))
    await response(scope, receive, _add_headers(send))

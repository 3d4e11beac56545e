"""The tools over the Model Context Protocol (MCP), as a route of the page's server behind the same keys and roles.

Each request stands alone: no session of the protocol outlives it. The library is imported when it is asked for.
"""

import asyncio
import functools
import inspect
import io
import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import anyio
from PIL import Image
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from page.agents.results import ToolResult
from page.agents.tools import TOOLS, Tool, ToolRefused, call, parameters_of
from page.backend import PageBackend

if TYPE_CHECKING:
    from mcp.server.fastmcp import FastMCP

PATH = "/mcp"
NOT_INSTALLED = "The option --mcp needs the library mcp: run `pip install -r requirements-mcp.txt`, then start again."
INSTRUCTIONS = (
    "Recordings of robots, and world models trained on them. Begin with list_sessions. An MSE says nothing by itself: "
    "compare it with the trivial answers beside it, or ask for the verdict."
)
AT_ONCE = 2  # tools that work at the same time; the networks take one after the other


class McpRoute:
    """An ASGI application for the route. Its tasks live in the loop of the server, from the first request on."""

    def __init__(self, server: "FastMCP") -> None:
        server.streamable_http_app()  # makes the session manager
        self._manager = server.session_manager
        self._began: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._began is None:
            self._began = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run())
        await self._began
        await self._manager.handle_request(scope, receive, send)

    async def _run(self) -> None:
        async with self._manager.run():
            self._began.set_result(None)
            await asyncio.Event().wait()


def mcp_route(backend: PageBackend, role_key: str) -> Route:
    """The route; `role_key`: the key of a request's scope with the role of its sender. Ends the program with a sentence
    if the library is not installed."""
    try:
        from mcp.server.fastmcp import FastMCP
        from mcp.server.transport_security import TransportSecuritySettings
    except ImportError:
        sys.exit(NOT_INSTALLED)

    # The server checks names and origins itself, before the route.
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    server = FastMCP(
        "Session Explorer", INSTRUCTIONS, stateless_http=True, json_response=True, transport_security=security
    )
    logging.getLogger("mcp").setLevel(logging.WARNING)  # it reports every request
    limiter = anyio.CapacityLimiter(AT_ONCE)
    for tool in TOOLS:
        server.add_tool(_for_mcp(tool, backend, role_key, limiter), name=tool.__name__, structured_output=False)
    return Route(PATH, McpRoute(server))


def _for_mcp(tool: Tool, backend: PageBackend, role_key: str, limiter: anyio.CapacityLimiter) -> Any:
    """A tool as the library takes it: an asynchronous function of the caller's arguments and the request's context."""
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp.exceptions import ToolError

    async def answer(**arguments: object) -> list[object]:
        request = arguments.pop("context").request_context.request
        may_train = request.scope.get(role_key) == "train"
        try:
            work = functools.partial(call, tool, backend, may_train, arguments)
            return _content(await anyio.to_thread.run_sync(work, limiter=limiter))
        except ToolRefused as problem:
            raise ToolError(str(problem)) from problem

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=Context)
    answer.__name__, answer.__doc__ = tool.__name__, inspect.getdoc(tool)
    answer.__signature__ = inspect.Signature([*parameters_of(tool), context])
    answer.__annotations__ = {one.name: one.annotation for one in (*parameters_of(tool), context)}
    return answer


def _content(result: ToolResult) -> list[object]:
    """The values as JSON, and each picture as an image after its title."""
    from mcp.server.fastmcp import Image as McpImage

    content: list[object] = [json.dumps(result.values, ensure_ascii=False)]
    for title, pixels in result.pictures.items():
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        content += [title, McpImage(data=file.getvalue(), format="png")]
    return content

"""The tools as endpoints of the page's API, for gradio_client: `client.predict(…, api_name="/tool_see_frame")`."""

import inspect
from collections.abc import Callable

import gradio as gr

from page.agents.tools import TOOLS, Tool, ToolRefused, call, parameters_of
from page.backend import PageBackend
from page.figures import PNG, data_address, png_of
from page.handlers import as_message, may_train


def add_endpoints(backend: PageBackend) -> None:
    """Add an endpoint for each tool to the page that is being built. It answers an object: the values, and under
    "pictures" each picture as a data address of a PNG, by title."""
    for tool in TOOLS:
        gr.api(_for_api(tool, backend), api_name=f"tool_{tool.__name__}", concurrency_id="tools", concurrency_limit=1)


def _for_api(tool: Tool, backend: PageBackend) -> Callable:
    parameters = parameters_of(tool)

    def answer(*given: object) -> dict:
        *values, request = given
        arguments = dict(zip([one.name for one in parameters], values, strict=True))
        try:
            result = call(tool, backend, may_train(request), arguments)
        except ToolRefused as problem:
            as_message(problem)
        pictures = {title: data_address(png_of(pixels), PNG) for title, pixels in result.pictures.items()}
        return {**result.values, "pictures": pictures}

    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    answer.__name__, answer.__doc__ = f"tool_{tool.__name__}", tool.__doc__
    # An argument without a default may not follow one with: the request is filled in by Gradio.
    answer.__signature__ = inspect.Signature([*parameters, request.replace(default=None)], return_annotation=dict)
    answer.__annotations__ = {one.name: one.annotation for one in (*parameters, request)} | {"return": dict}
    return answer

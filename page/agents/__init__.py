"""Tools for agents: what the page shows, as numbers and pictures, for programs that speak MCP or use gradio_client.

Every tool names its session and frame itself. None reads or changes what a visitor has selected.
"""

"""The link that makes a report of the result around it, and the facts that a reader elsewhere needs.

The browser makes the file, from the result that it shows and the empty document of `document.py`: nothing is sent twice
and nothing is kept on the server.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from page.facts import facts_table
from session import code_version


def report_link(file_name: str, title: str) -> str:
    """The link; `title` is the heading of the report. The script in page/assets/reports.js makes the file."""
    return (
        f'<a class="keep-report" href="#" download="{escape(file_name)}.html" data-title="{escape(title)}" '
        'title="One file to send, with pictures and data">Report</a>'
    )


def setup(rows: Sequence[tuple[str, str]]) -> str:
    """HTML of what a result was made with, folded on the page and open in its report."""
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    table = facts_table([*rows, ("Program", f"Session Explorer {code_version()}"), ("Made", now)])
    return f'<details class="facts setup"><summary>Made with</summary>{table}</details>'

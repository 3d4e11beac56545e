"""An HTML file that stands alone: the page's own style, light and dark by the reader's setting, and no script."""

from html import escape

from page.components import APP_CSS

# The colours that the page has from its theme.
COLOURS = """
:root { --body-text-color: #1f2933; --border-color-primary: #d9e2ec; --background-fill-primary: #ffffff;
  --background-fill-secondary: #f5f7fa; --link-text-color: #2563eb; }
body { margin: 0 auto; max-width: 1100px; padding: 24px; font: 15px/1.5 system-ui, sans-serif;
  color: var(--body-text-color); background: var(--background-fill-primary); }
svg { max-width: 100%; } img { max-width: 100%; } h1 { font-size: 22px; } h2 { margin-top: 32px; font-size: 18px; }
table { border-collapse: collapse; } .keep-picture { display: none; }
th, td { padding: 3px 14px 3px 0; text-align: left; vertical-align: top; }
"""
DARK = """
@media (prefers-color-scheme: dark) { :root { --body-text-color: #e6edf3; --border-color-primary: #334155;
  --background-fill-primary: #0b1120; --background-fill-secondary: #1e293b; --link-text-color: #7dd3fc;
  --accent-ink: #5eead4; --mark-ink: #fb923c; --warn-ink: #fbbf24; --error-ink: #56b4e9; --quiet-ink: #a8b3bf; } }
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # nothing is loaded from anywhere


TITLE, BODY = "%TITLE%", "%BODY%"  # places in the empty document, filled by page/assets/reports.js


def empty_document() -> str:
    """The file with places for a title and a body, both HTML."""
    return document(TITLE, BODY)


def document(title: str, body: str) -> str:
    """The file; ``body`` is HTML."""
    style = f"{APP_CSS.read_text(encoding='utf-8')}{COLOURS}{DARK}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )

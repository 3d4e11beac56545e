"""The page with the form for a key, the only page for visitors without one. Self-contained, without scripts."""

from html import escape

KEY_PATH = "/key"
KEY_FIELD, NEXT_FIELD = "key", "next"  # of the form; the first also of a link's query
KEY_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center;
  font: 16px/1.5 system-ui, "Segoe UI", sans-serif;
  background: light-dark(#f8fafc, #0f172a); color: light-dark(#1f2937, #e5e7eb); }
main { box-sizing: border-box; width: min(30rem, calc(100vw - 2rem)); padding: 2rem; border-radius: 12px;
  background: light-dark(#fff, #1e293b); border: 1px solid light-dark(#e2e8f0, #334155); }
h1 { margin: 0; font-size: 22px; }
p { margin: 8px 0 16px; }
label { display: block; font-weight: 600; margin-bottom: 4px; }
input { box-sizing: border-box; width: 100%; padding: 10px; font: inherit; border-radius: 6px;
  border: 1px solid light-dark(#94a3b8, #64748b); background: light-dark(#fff, #0f172a); color: inherit; }
button { margin-top: 12px; padding: 10px 20px; font: inherit; border: 0; border-radius: 6px;
  background: #0f766e; color: #fff; }
:is(button, input):focus-visible { outline: 3px solid #14b8a6; outline-offset: 2px; }
.wrong { padding: 8px 12px; border-left: 4px solid #b45309; background: light-dark(#fff7ed, #422006); }
"""


def key_page(message: str, target: str, form_address: str) -> str:
    """HTML. `message`: reason why the last key was denied, or "". `target`: address to open once a key is right.
    `form_address`: that of the form, as the visitor's browser reaches it."""
    notice = f'<p class="wrong" role="alert">{escape(message)}</p>' if message else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>Session Explorer: key</title><style>{STYLE}</style></head>
<body><main><h1>Session Explorer</h1>
<p>This server needs an access key. Open the link that you were given, or paste it here; it is printed in the server's
terminal.</p>{notice}
<form method="post" action="{escape(form_address)}"><label for="key">Key or link</label>
<input id="key" name="{KEY_FIELD}" type="password" autocomplete="off" required autofocus>
<input type="hidden" name="{NEXT_FIELD}" value="{escape(target)}"><button>Open</button></form></main></body></html>
"""

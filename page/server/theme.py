"""Theme of the page: Gradio's default in teal, with system fonts, so that no font is downloaded."""

import gradio as gr

# Gradio's default shades, 500 and 600, leave white text below the contrast that small letters need (4.5).
DARK_TEAL = dict(
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_dark="*primary_700",
    color_accent="*primary_700",
)
FONTS = dict(font=["system-ui", "Segoe UI", "sans-serif"], font_mono=["ui-monospace", "Consolas", "monospace"])


def page_theme() -> gr.themes.Base:
    return gr.themes.Default(primary_hue="teal", neutral_hue="slate", **FONTS).set(**DARK_TEAL)

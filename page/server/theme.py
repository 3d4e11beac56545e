"""Theme of the page: Gradio's default in teal, with system fonts, so that no font is downloaded."""

import gradio as gr

# Gradio's default shades are below the contrast that small letters need (4.5).
DARKER = dict(
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_dark="*primary_700",
    color_accent="*primary_700",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    button_cancel_background_fill="#b91c1c",
    button_cancel_background_fill_hover="#991b1b",
    button_cancel_background_fill_dark="#b91c1c",
    button_cancel_background_fill_hover_dark="#991b1b",
)
FONTS = dict(font=["system-ui", "Segoe UI", "sans-serif"], font_mono=["ui-monospace", "Consolas", "monospace"])


def page_theme() -> gr.themes.Base:
    return gr.themes.Default(primary_hue="teal", neutral_hue="slate", **FONTS).set(**DARKER)

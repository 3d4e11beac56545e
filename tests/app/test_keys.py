"""Keys of the player and the palette of Ctrl-K, on one page of the shared server."""

from playwright.sync_api import Page, expect

from tests.app.tabs import Visits

LONG_MS = 20_000


def frame(page: Page, number: int) -> None:
    expect(page.locator(f"#player canvas.frame[data-frame='{number}']")).to_be_visible(timeout=LONG_MS)


def go(page: Page, typed: str, option: str) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type(typed)
    expect(page.locator("dialog.palette [role=option][aria-selected=true]")).to_contain_text(option, timeout=LONG_MS)
    page.keyboard.press("Enter")
    expect(page.locator("dialog.palette")).to_be_hidden()


def test_keys_set_speed_loop_and_range_and_the_palette_goes_anywhere(open_tab: Visits, session_ids: dict[str, str]):
    page = open_tab(f"?session={session_ids['jetbot']}&frame=5")
    frame(page, 5)
    speed, loop = page.locator("#player select"), page.get_by_label("Loop")
    page.locator("#player .slider").focus()
    for key, value in ((">", "30"), (">", "60"), (">", "60"), ("<", "30")):
        page.keyboard.press(key)
        expect(speed).to_have_value(value)
    page.keyboard.press("l")
    expect(loop).to_be_checked()

    page.keyboard.press("i")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("o")
    text = page.locator("[data-part=range-text]")
    expect(text).to_have_text("In 5 · out 8")
    seen = page.evaluate(
        """async () => {
            const seen = new Set(), canvas = document.querySelector('#player canvas.frame')
            document.querySelector('[data-act=play]').click()
            for (let i = 0; i < 100 && seen.size < 4; i += 1) {
                seen.add(canvas.dataset.frame)
                await new Promise(requestAnimationFrame)
            }
            for (let i = 0; i < 30; i += 1) {
                seen.add(canvas.dataset.frame)
                await new Promise(requestAnimationFrame)
            }
            document.querySelector('[data-act=play]').click()
            return [...seen].sort()
        }"""
    )
    assert seen == ["5", "6", "7", "8"]  # it began behind the out point's frame, and went round
    page.keyboard.press("f")
    expect(page.get_by_label("First frame to flag")).to_have_value("5")
    expect(page.get_by_label("Last frame to flag")).to_have_value("8")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear the in and out points").click()
    expect(text).to_be_hidden()

    go(page, "17", "Frame 17")
    frame(page, 17)
    go(page, "errors", "Errors")
    expect(page.get_by_role("tab", name="Errors", exact=True)).to_have_attribute("aria-selected", "true")
    go(page, "toroidal", "toroidal_dot")
    expect(page.locator("#player .player[data-session^='toroidal_dot/']")).to_be_visible(timeout=LONG_MS)
    page.keyboard.press("Control+k")
    page.keyboard.type("no such thing")
    expect(page.locator("dialog.palette")).to_contain_text("Nothing has these words")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.palette")).to_be_hidden()

"""What every page is held to, and how tests go over it as people do."""

import time

from selenium.webdriver import Keys

from tests.browser.conftest import WIDTHS, Browser

TABS = 30
RIPE = 2.2  # seconds until a vote is believed


def look(browser: Browser, name: str, path: str, *, is_ours: bool = True) -> None:
    """Look at the page in each width, light and dark, and assert that it is as it should be."""
    for width in WIDTHS:
        for is_dark in (False, True):
            browser.resize(width, is_dark=is_dark)
            browser.open(path)
            settle(browser)
            check(browser, f"{name} {width}{' dark' * is_dark}", is_ours=is_ours)
    browser.resize("desktop")


def settle(browser: Browser) -> None:
    """Wait until the elements of the page have drawn what they show."""
    drawn = "[...document.querySelectorAll(':defined')].every(e => !e.turn || e.place.firstChild)"
    browser.driver.set_script_timeout(10)
    browser.driver.execute_async_script(
        f"const done = arguments[0];"
        f"const look = () => {drawn} ? setTimeout(done, 150) : setTimeout(look, 50); look();"
    )


def check(browser: Browser, name: str, *, is_ours: bool = True) -> None:
    browser.shoot(name)
    assert browser.errors() == [], name
    assert browser.ask("unnamed()") == [], name
    if is_ours:
        assert browser.ask("faintTexts()") == [], name
        assert browser.ask("overflows()") <= 0, name


def check_plain(browser: Browser, name: str) -> None:
    """Look at the page of a browser that runs no script of pages, and so notes no errors of any."""
    browser.shoot(name)
    for question in ("unnamed()", "faintTexts()"):
        assert browser.ask(question) == [], name


def tab_through(browser: Browser, most: int = TABS) -> list[str]:
    """Press Tab until the page begins anew, and return the names of what had the focus."""
    names: list[str] = []
    for _ in range(most):
        browser.press(Keys.TAB)
        found = browser.ask("focused()")
        if found is None:
            break
        assert found["isMarked"], found["name"]
        names.append(found["name"])
    return names


def pause() -> None:
    """Wait as long as a person looks at a form."""
    time.sleep(RIPE)

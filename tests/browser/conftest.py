"""One browser for all tests, which looks at the real server of each test."""

import re
import shutil
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.support.ui import WebDriverWait

from growth.models import Project, User

LOOK = (Path(__file__).parent / "look.js").read_text()
SHOTS = django_settings.BASE_DIR / "var" / "screenshots"
WIDTHS = {"desktop": (1280, 900), "phone": (375, 760)}
# A browser that says it has no head is taken for a program.
NAME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM and DRIVER:
        return
    reason = "chromium and chromedriver are not on PATH: apt-get install chromium chromium-driver"
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


class Browser:
    """A browser, and what tests ask the page that it shows."""

    def __init__(self, *, has_script: bool) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for word in (
            "headless=new",
            "no-sandbox",
            "disable-dev-shm-usage",
            "disable-gpu",
            "hide-scrollbars",
        ):
            options.add_argument(f"--{word}")
        options.add_argument(f"--user-agent={NAME}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        if not has_script:
            blocked = {"profile.managed_default_content_settings.javascript": 2}
            options.add_experimental_option("prefs", blocked)
        service = webdriver.ChromeService(executable_path=DRIVER)
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(30)
        self.home = ""

    def resize(self, name: str, *, is_dark: bool = False) -> None:
        width, height = WIDTHS[name]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def open(self, path: str) -> None:
        self.driver.get_log("browser")
        self.driver.get("about:blank")  # Else another # is the same page.
        self.driver.get(self.home + path)

    def sign_in(self, user: User) -> None:
        client = Client()
        client.force_login(user)
        self.driver.get(f"{self.home}/healthz")
        name = django_settings.SESSION_COOKIE_NAME
        self.driver.add_cookie({"name": name, "value": client.cookies[name].value})

    def ask(self, question: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"{LOOK}\nreturn {question};", *arguments)

    def find(self, selector: str, within: str = "") -> Any:
        """Return the element, or the one in the shadow tree of ``within``, once it is there."""
        question = "(arguments[1] ? document.querySelector(arguments[1])?.shadowRoot : document)"
        question += "?.querySelector(arguments[0])"
        waiting = WebDriverWait(self.driver, 10)
        return waiting.until(lambda _: self.ask(question, selector, within))

    def wait_for(self, text: str, within: str = "") -> None:
        question = "(arguments[1] ? document.querySelector(arguments[1])?.shadowRoot : document)"
        question += (
            "?.querySelector(arguments[1] ? 'div' : 'body')?.innerText.includes(arguments[0])"
        )
        waiting = WebDriverWait(self.driver, 10)
        waiting.until(lambda _: self.ask(question, text, within), f"{text!r} is not on the page")

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def errors(self) -> list[str]:
        """Return what the console complains of."""
        logged = self.driver.get_log("browser")
        return [each["message"] for each in logged if each["level"] in ("SEVERE", "WARNING")]

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole page."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.ask("scrollTo({ top: 0, behavior: 'instant' })")
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000)}
        asked = {"captureBeyondViewport": True, "clip": {**clip, "scale": 1}}
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", asked)["data"]
        (SHOTS / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.png").write_bytes(b64decode(shot))


@pytest.fixture(scope="session")
def _browser() -> Iterator[Browser]:
    browser = Browser(has_script=True)
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(_browser: Browser, live_server: Any, settings: Any) -> Browser:
    """Return a browser without cookies, whose home is the server of this test."""
    settings.BASE_URL = _browser.home = live_server.url
    _browser.driver.delete_all_cookies()
    _browser.resize("desktop")
    return _browser


@pytest.fixture
def plain_browser(live_server: Any, settings: Any) -> Iterator[Browser]:
    """Return a browser that runs no script of pages."""
    browser = Browser(has_script=False)
    settings.BASE_URL = browser.home = live_server.url
    browser.resize("desktop")
    yield browser
    browser.driver.quit()


@pytest.fixture
def staff(transactional_db: None) -> User:
    return User.objects.create_superuser("staff", "staff@example.com", "a password")


@pytest.fixture
def project(transactional_db) -> Project:
    return Project.objects.create(name="Acme")

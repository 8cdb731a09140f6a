"""A Chromium, a page, and a gateway behind it.

JOSEFINE_TEST_GATEWAY_URL names a running gateway that the tests of `gateway_url` talk to instead of the stand-in;
JOSEFINE_TEST_SCREENSHOTS a folder that keeps what the page looked like.
"""

import os
import shutil
from pathlib import Path

import pytest
from cut_line import Line
from deadlines import wait_until
from pipeline_kit import Service, client, device
from playwright.sync_api import Error, Playwright, expect, sync_playwright
from stand_in import Server, StandIn

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 30_000


def find_chromium(playwright: Playwright) -> str | None:
    """Returns the path of a Chromium: CHROMIUM's, the system's, or the one that playwright has fetched."""
    named = os.environ.get("CHROMIUM")
    own = playwright.chromium.executable_path
    found = (named, *map(shutil.which, PROGRAMS), own if Path(own).exists() else None)
    return next((path for path in found if path), None)


@pytest.fixture(scope="module")
def browser(speech):
    """A Chromium that hears a recording at its microphone. Of a module: its event loop must not outlive it."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        path = find_chromium(playwright)
        if path is None:
            pytest.skip("no Chromium: install it (deploy/test-browser.sh), or name one in CHROMIUM")
        arguments = [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={speech}%noloop",
            "--autoplay-policy=no-user-gesture-required",
        ]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        try:
            launched = playwright.chromium.launch(executable_path=path, args=arguments)
        except Error as error:
            pytest.skip(f"{path} does not start here: {error.message.splitlines()[0]}")
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def speech():
    """A recording of speech, linear16."""
    return Path(__file__).parents[2] / "samples/lj050-0131.wav"


@pytest.fixture
def screenshots(request, tmp_path):
    """Keeps a picture: screenshots(page, "name")."""
    folder = Path(os.environ.get("JOSEFINE_TEST_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def keep(page, name):
        page.screenshot(path=folder / f"{name}.png", full_page=True, animations="disabled")

    return keep


@pytest.fixture
def services():
    """The services that the pipeline view is made of, by host name; change them, or take them away."""
    inference = Service(devices=[device("cuda:0")], live_streams=3, stream_capacity=24, windows_waiting=2)
    stages = {name: Service(name) for name in ("ingest", "feature", "nlu", "nlu-2")}
    for at, service in enumerate([*stages.values(), inference]):
        service.metrics.assigned.set(4)
        service.metrics.generation.set(2)
        service.metrics.sessions.set(3)
        service.metrics.lag.set(at)
    return {**stages, "inference": inference}


@pytest.fixture
def stand_in():
    """What the stand-in is to do, and what it saw."""
    return StandIn()


@pytest.fixture
def stand_in_url(stand_in, services):
    """Address of the stand-in."""
    names = {"ingest": "ingest", "feature": "feature", "inference": "inference", "nlu/1": "nlu", "nlu/2": "nlu-2"}
    server = Server(stand_in, {name: f"http://{host}" for name, host in names.items()}, client(services))
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{server.port}/"
    server.close()


@pytest.fixture
def gateway_url(request):
    """Address of the gateway: a real one where there is one."""
    return os.environ.get("JOSEFINE_TEST_GATEWAY_URL") or request.getfixturevalue("stand_in_url")


@pytest.fixture
def line(stand_in_url):
    """A line to the stand-in that can be cut."""
    line = Line(("127.0.0.1", int(stand_in_url.rstrip("/").rpartition(":")[2])))
    yield line
    line.close()


@pytest.fixture
def open_page(browser):
    """Opens a page: open_page(url, **options of the context). None may raise, or ask for what its policy forbids.

    `clock`: its time stands still until the test moves it.
    """
    contexts, errors = [], []

    def open_(url, *, clock=False, **options):
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}} | options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: "Content Security" in line.text and errors.append(line.text))
        if clock:
            page.clock.install(time=0)
            page.clock.pause_at(1_000)
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []

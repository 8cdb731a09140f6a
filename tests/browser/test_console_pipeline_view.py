"""The Pipeline view: numbers that live, services that do not, and a tab that nobody looks at."""

import pytest
from pipeline_kit import device
from playwright.sync_api import expect

LOOKS = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": {"width": 360, "height": 740}}}


def test_the_pipeline_is_shown(gateway_url, open_page):
    page = open_page(f"{gateway_url}#pipeline")
    expect(page.locator("#figures .figure")).to_have_count(8)
    expect(page.locator("#pipeline-status")).not_to_have_text("Asking …")


@pytest.mark.parametrize("look", LOOKS)
def test_numbers_are_those_of_the_services(services, stand_in_url, open_page, screenshots, look):
    inference = services["inference"]
    for at in range(200):
        inference.finals.observe(0.15 + 0.001 * at)
    page = open_page(f"{stand_in_url}#pipeline", **LOOKS[look])
    expect(page.locator("#pipeline-status")).to_have_text("All replicas work.")
    figures = page.locator(".figure")
    expect(figures.first).to_contain_text("3")
    expect(figures.first).to_contain_text("room for 24")
    expect(page.locator(".stage h4")).to_have_text(["ingest", "feature", "inference", "nlu"])
    expect(page.locator(".stage").last.locator(".replica-name")).to_have_text(["nlu/1", "nlu/2"])
    for step in range(1, 4):
        services["ingest"].metrics.records.inc(50)
        services["ingest"].metrics.lag.set(step * step)
        inference.status["devices"] = [device("cuda:0", restarts=1, busy_s=step * 0.5, audio_s=step * 60.0)]
        expect(page.locator(".stage").first.locator(".facts dd").first).to_have_text(str(step * step))
    expect(page.locator(".device")).to_contain_text("real time · 1 restart")
    assert page.locator(".sparkline-line").first.get_attribute("d").count("L") >= 2
    expect(page.locator(".stage .sparkline").first).to_have_attribute(
        "aria-label", "ingest: records that wait: now 9, at most 9 in the last two minutes"
    )
    screenshots(page, f"pipeline-{look}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off at the side"


def test_services_that_do_not_answer_are_shown_as_such(services, stand_in_url, open_page, screenshots):
    services["feature"].not_ready = "the session store does not answer, and sessions have to be restored"
    services["inference"].status["devices"] = [device("cuda:0", state="quarantined", reason="its driver says: Xid 79")]
    services["ingest"].metrics.dead_letters.labels("decode_error").inc(3)
    del services["nlu-2"]
    page = open_page(f"{stand_in_url}#pipeline")
    expect(page.locator("#pipeline-status")).to_have_text("2 replicas do not work.")
    expect(page.locator(".state.not_answering").first).to_have_text("not answering")
    expect(page.locator(".stage").nth(1)).to_contain_text("the session store does not answer")
    expect(page.locator(".device")).to_contain_text("Xid 79")
    screenshots(page, "pipeline-trouble-light")


def test_a_tab_that_nobody_looks_at_asks_for_nothing(stand_in, stand_in_url, open_page):
    page = open_page(f"{stand_in_url}#pipeline", clock=True)
    expect(page.locator(".stage")).to_have_count(4)
    with page.expect_response("**/console/pipeline"):
        page.clock.run_for(1_000)
    page.evaluate(
        "window.away = true; Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true })"
    )
    page.clock.run_for(1_000)
    before = stand_in.looks
    page.clock.run_for(60_000)
    with page.expect_response("**/console/pipeline"):
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    assert stand_in.looks == before + 1
    page.get_by_role("tab", name="Listen").click()
    page.clock.run_for(60_000)
    with page.expect_response("**/console/pipeline"):
        page.get_by_role("tab", name="Pipeline").click()
    assert stand_in.looks == before + 2


def test_a_gateway_that_is_gone_comes_back(line, open_page):
    page = open_page(f"http://127.0.0.1:{line.port}/#pipeline")
    expect(page.locator(".stage")).to_have_count(4)
    line.down()
    expect(page.locator("#pipeline-trouble")).to_contain_text("cannot be reached")
    line.up()
    expect(page.locator("#pipeline-trouble")).to_be_hidden()
    expect(page.locator("#pipeline-status")).to_have_text("All replicas work.")


def test_a_key_is_asked_for(stand_in, stand_in_url, open_page):
    stand_in.key = "k-123"
    page = open_page(f"{stand_in_url}#pipeline")
    page.get_by_role("button", name="Give an API key").click()
    page.get_by_label("Key", exact=True).fill("k-123")
    page.get_by_role("button", name="Use it").click()
    expect(page.locator(".stage")).to_have_count(4)

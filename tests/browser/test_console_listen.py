"""The Listen view: what comes in, what is shown, what can be taken away, and what is said when it fails."""

import json
import re

import pytest
from deadlines import wait_until
from playwright.sync_api import expect
from stand_in import BLAME, FIRST, PLAIN, PRAISE, SECOND

PHONE = {"viewport": {"width": 360, "height": 740}}
AUDIO = {"name": "talk.wav", "mimeType": "audio/wav"}


def recording(speech):
    return AUDIO | {"buffer": speech.read_bytes()}


def choose(page, speech):
    page.set_input_files("#file", recording(speech))


def text(page):
    return page.evaluate("[...document.querySelectorAll('.line-words')].map((line) => line.textContent).join('')")


def downloaded(page, format_):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f".{format_}", exact=True).click()
    return waiting.value.suggested_filename, waiting.value.path().read_text()


# --- with any gateway ------------------------------------------------------------------------------------------


def test_a_recording_becomes_text(gateway_url, open_page, speech):
    page = open_page(gateway_url)
    choose(page, speech)
    expect(page.locator("#status")).to_contain_text("Done")
    expect(page.locator(".word").first).to_be_visible()
    expect(page.locator(".word.faint")).to_have_count(0)


def test_speech_becomes_faint_words_and_then_firm_ones(gateway_url, open_page):
    page = open_page(gateway_url)
    page.get_by_role("button", name="Speak").click()
    expect(page.locator(".word.faint").first).to_be_visible()
    expect(page.locator(".word:not(.faint)").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#status")).to_have_text("Done.")
    expect(page.locator(".word.faint")).to_have_count(0)


# --- a recording -----------------------------------------------------------------------------------------------


def test_a_recording_is_shown_with_all_that_is_known_of_it(stand_in, stand_in_url, open_page, speech, screenshots):
    page = open_page(stand_in_url)
    screenshots(page, "listen-empty-light")
    choose(page, speech)
    expect(page.locator(".line")).to_have_count(3)
    assert stand_in.uploads == [speech.read_bytes()]
    assert stand_in.queries[0]["sentiment"] == "true"
    assert PLAIN in text(page).replace(" gpe", "")
    expect(page.locator(".line .feeling")).to_have_text(
        [re.compile("positive"), re.compile("neutral"), re.compile("negative")]
    )
    expect(page.locator("#legend")).to_contain_text("On the whole neutral, +0.04")
    expect(page.locator(".word.unsure")).to_have_text(["morning,"])
    assert page.locator(".word.entity").evaluate_all("all => all.map(one => one.dataset.label)") == ["gpe", "time"]
    expect(page.locator("#entities")).to_contain_text("Manchester")
    expect(page.locator("#announced")).to_contain_text(PRAISE)
    screenshots(page, "recorded-light")


def test_a_word_plays_the_recording_from_there_by_mouse_and_by_keyboard(stand_in_url, open_page, speech):
    page = open_page(stand_in_url)
    choose(page, speech)
    word = page.locator(".word[role=button]", has_text="Manchester")
    word.click()
    where = "document.getElementById('player').currentTime"
    page.wait_for_function(f"{where} >= 5.4 && !document.getElementById('player').paused")
    page.evaluate("document.getElementById('player').pause()")
    page.keyboard.press("Home")
    expect(page.locator(".word").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_function(f"{where} < 3")
    expect(page.locator(".word.now").first).to_be_visible()
    assert page.locator('.word[tabindex="0"]').count() == 1


def test_downloads(stand_in, stand_in_url, open_page, speech):
    page = open_page(stand_in_url)
    choose(page, speech)
    assert downloaded(page, "txt") == ("talk.txt", f"{PRAISE}\n{PLAIN}\n{BLAME}\n")
    name, srt = downloaded(page, "srt")
    assert name == "talk.srt"
    assert srt.startswith(
        "1\n00:00:00,200 --> 00:00:03,450\nWhat a wonderful morning,\nI am so happy to be here.\n\n2\n"
    )
    assert downloaded(page, "vtt")[1].startswith("WEBVTT\n\n00:00:00.200 --> 00:00:03.450\n")
    assert json.loads(downloaded(page, "json")[1]) == stand_in.answer


def test_channels_are_told_apart(stand_in, stand_in_url, open_page, speech, screenshots):
    results = stand_in.answer["results"]
    results["utterances"][1]["channel"] = 1
    flat = results["channels"][0]["alternatives"][0]["words"]
    other = results["utterances"][1]["words"]
    mine = [word for word in flat if word not in other]
    results["channels"] = [{"alternatives": [{"transcript": "", "words": said}]} for said in (mine, other)]
    _, plain, blame = results["sentiments"]["segments"]
    count = len(PRAISE.split()) + len(BLAME.split())
    blame |= {"start_word": len(PRAISE.split()), "end_word": count - 1}
    plain |= {"start_word": count, "end_word": count + len(PLAIN.split()) - 1}
    page = open_page(stand_in_url)
    page.get_by_label("A speaker on each channel").check()
    choose(page, speech)
    expect(page.locator(".line-about").nth(1)).to_have_text("0:04channel 2")
    feelings = [re.compile(feeling) for feeling in ("positive", "neutral", "negative")]
    expect(page.locator(".line .feeling")).to_have_text(feelings)
    assert stand_in.queries[0]["multichannel"] == "true"
    screenshots(page, "channels-light")
    assert f"Channel 2: {PLAIN}\n" in downloaded(page, "txt")[1]


def test_a_recording_that_is_refused_says_why_and_can_be_tried_again(
    stand_in, stand_in_url, open_page, speech, screenshots
):
    stand_in.refusal = (400, "unsupported_audio: the bytes are no audio that the server knows")
    page = open_page(stand_in_url)
    choose(page, speech)
    expect(page.get_by_role("alert").first).to_contain_text("the bytes are no audio")
    screenshots(page, "refused-light")
    stand_in.refusal = None
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".line")).to_have_count(3)
    expect(page.locator("#trouble")).to_be_hidden()


def test_silence_is_said_to_be_silence(stand_in, stand_in_url, open_page, speech):
    stand_in.answer["results"] = {"channels": [{"alternatives": [{"transcript": "", "words": []}]}], "utterances": []}
    page = open_page(stand_in_url)
    choose(page, speech)
    expect(page.locator("#status")).to_have_text("Done. Nobody speaks in it.")
    expect(page.locator("#after")).to_be_hidden()


# --- the microphone --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_speech_word_by_word(stand_in, stand_in_url, open_page, screenshots, look):
    options = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": PHONE}[look]
    page = open_page(f"{stand_in_url}#listen", **options)
    screenshots(page, f"empty-{look}")
    page.get_by_role("button", name="Speak").click()
    expect(page.locator(".word").first).to_be_visible()
    page.locator(".word").first.evaluate("element => element.marked = true")
    expect(page.locator("#words")).to_contain_text("born in London")
    screenshots(page, f"interim-{look}")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#status")).to_have_text("Done.")
    screenshots(page, f"final-{look}")
    assert text(page).strip() == f"{FIRST} {SECOND}"
    assert page.locator(".word").first.evaluate("element => element.marked"), "the first word kept its element"
    expect(page.locator(".word.unsure")).to_have_text(["born"])
    expect(page.locator("#announced p")).to_have_text([FIRST, SECOND])
    (session,) = stand_in.sessions.values()
    assert len(session.audio) > 60_000
    assert any(session.audio), "not silence alone"
    assert stand_in.queries[0]["encoding"] == "linear16"
    kept = [message["type"] for message in json.loads(downloaded(page, "json")[1])]
    assert kept[-1] == "Metadata"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off at the side"


def test_a_cut_line_is_taken_up_again_and_no_word_is_lost(stand_in, line, open_page, screenshots):
    page = open_page(f"http://127.0.0.1:{line.port}/")
    page.get_by_role("button", name="Speak").click()
    expect(page.locator("#words")).to_contain_text("Lovelace,")
    line.down()
    expect(page.locator("#status")).to_contain_text("The connection was cut.")
    screenshots(page, "cut-light")
    line.up()
    expect(page.locator("#words")).to_contain_text("born in London")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#status")).to_have_text("Done.")
    assert text(page).strip() == f"{FIRST} {SECOND}"
    (session,) = stand_in.sessions.values()
    assert session.connections == 2
    assert stand_in.queries[-1]["sequence_id"] == "1"


@pytest.mark.parametrize(
    "close", [(1012, "resume"), (1011, "resume: the broker does not answer"), (1008, "slow reader: ...")]
)
def test_a_server_that_goes_away_is_replaced_by_the_next(stand_in, stand_in_url, open_page, close):
    stand_in.close_with = close
    page = open_page(stand_in_url)
    page.get_by_role("button", name="Speak").click()
    wait_until(
        lambda: [one for one in stand_in.sessions.values() if one.connections == 2],
        meanwhile=lambda: page.wait_for_timeout(20),
    )
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#status")).to_have_text("Done.")
    assert text(page).strip() == f"{FIRST} {SECOND}"


def test_a_session_that_goes_on_elsewhere_is_not_fought_for(stand_in, stand_in_url, open_page):
    stand_in.close_with = (1008, "superseded")
    page = open_page(stand_in_url)
    page.get_by_role("button", name="Speak").click()
    expect(page.locator("#trouble")).to_contain_text("This session goes on elsewhere.")
    assert [one.connections for one in stand_in.sessions.values()] == [1]
    expect(page.get_by_role("button", name="Speak")).to_be_enabled()


def without_microphone(page, reason):
    page.evaluate(
        "(reason) => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', reason); }; }",
        reason,
    )
    page.get_by_role("button", name="Speak").click()


def test_a_microphone_that_is_not_allowed(stand_in_url, open_page, screenshots):
    page = open_page(stand_in_url)
    without_microphone(page, "NotAllowedError")
    expect(page.locator("#trouble")).to_contain_text("Allow it for this page")
    screenshots(page, "not-allowed-light")


def test_no_microphone(stand_in_url, open_page):
    page = open_page(stand_in_url)
    without_microphone(page, "NotFoundError")
    expect(page.locator("#trouble")).to_contain_text("No microphone was found.")


# --- keys and limits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["recording", "speech"])
def test_a_key_is_asked_for_and_kept_in_the_tab(stand_in, stand_in_url, open_page, speech, screenshots, way):
    stand_in.key = "k-123"
    page = open_page(stand_in_url)
    if way == "recording":
        choose(page, speech)
    else:
        page.get_by_role("button", name="Speak").click()
    page.get_by_role("button", name="Give an API key").click()
    screenshots(page, "key-light")
    page.keyboard.type("k-123")
    page.keyboard.press("Enter")
    expect(page.locator(".word").first).to_be_visible()
    assert page.evaluate("[Object.values(sessionStorage), localStorage.length]") == [["k-123"], 0]
    assert "k-123" not in page.url


def test_a_busy_server_says_when_to_come_again(stand_in, stand_in_url, open_page, screenshots):
    stand_in.busy_for_s = 7
    page = open_page(stand_in_url)
    page.get_by_role("button", name="Speak").click()
    expect(page.locator("#trouble")).to_contain_text("The server is busy.")
    again = page.get_by_role("button", name=re.compile("Try again in [1-7] s"))
    expect(again).to_be_disabled()
    screenshots(page, "busy-light")
    stand_in.busy_for_s = 0
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(page.locator(".word").first).to_be_visible()


def test_a_server_that_is_gone(line, open_page, speech):
    page = open_page(f"http://127.0.0.1:{line.port}/")
    line.down()
    choose(page, speech)
    expect(page.locator("#trouble")).to_contain_text("The server cannot be reached.")


# --- by keyboard ------------------------------------------------------------------------------------------------


def test_everything_is_reached_by_keyboard(stand_in_url, open_page):
    page = open_page(stand_in_url)
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert reached == ["skip", "tab-listen", "key-open", "speak", "choose", "multichannel"]
    page.locator("#tab-listen").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-pipeline")).to_be_focused()
    expect(page.locator("#panel-pipeline")).to_be_visible()
    assert page.url.endswith("#pipeline")
    page.keyboard.press("Home")
    expect(page.locator("#panel-listen")).to_be_visible()


def test_stop_gives_the_focus_back(stand_in_url, open_page):
    page = open_page(stand_in_url)
    page.get_by_role("button", name="Speak").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".word").first).to_be_visible()
    page.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("Done.")
    expect(page.get_by_role("button", name="Speak")).to_be_focused()

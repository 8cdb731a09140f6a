"""The page's modules by themselves: captions as the library makes them, audio that no cut loses."""

import random
from functools import partial

from deadlines import wait_until

from josefine_text.captions import captions, cues
from josefine_wire.positions import SAMPLE_RATE_HZ

WORDS = (
    "a to the speech, engine. nothing; lost? extraordinarily — pneumonoultramicroscopicsilicovolcanoconiosis-like & <i>"
)

CAPTIONS = """async (words) => {
  const { cues, srt, vtt } = await import("/console/static/captions.js");
  const found = cues(words);
  return [srt(found), vtt(found)];
}"""

SAME = """async ([before, now]) => {
  const { sameWords } = await import("/console/static/transcript.js");
  const words = (texts) => texts.map((text) => ({ text }));
  return sameWords(words(before), words(now));
}"""

KEPT = """async (steps) => {
  const { Unacknowledged } = await import("/console/static/unacknowledged.js");
  const kept = new Unacknowledged();
  const bytes = [];
  let next = 0;
  for (const [what, amount] of steps) {
    if (what === "append") kept.append(new Uint8Array(Array.from({ length: amount }, () => next++ % 251)).buffer);
    else if (what === "acknowledge") kept.acknowledge(amount);
    else bytes.push([...kept.from(amount)].flatMap((chunk) => [...new Uint8Array(chunk)]));
  }
  return [bytes, kept.start, kept.end];
}"""

SPEAK = """async ([address, chunks]) => {
  const { LiveSession } = await import("/console/static/live.js");
  let next = 0;
  const chunk = () => new Uint8Array(Array.from({ length: 3200 }, () => next++ % 251)).buffer;
  return await new Promise((resolve) => {
    const session = new LiveSession(address, () => [], {
      message: () => {}, connected: () => {}, interrupted: () => {}, ended: () => resolve(next), failed: resolve,
    });
    const timer = setInterval(() => {
      if (next / 3200 < chunks) session.send(chunk());
      else {
        clearInterval(timer);
        session.finish();
      }
    }, 20);
  });
}"""


def spoken(seed):
    """Random words with pauses, as a session and as the page have them."""
    chance, at, words = random.Random(seed), 0, []
    for _ in range(chance.randrange(1, 80)):
        text = chance.choice(WORDS.split())
        at += chance.choice((0, 400, 1_600, 9_000, 12_000, 40_000))
        end = at + chance.randrange(0, 12_000, 16)
        words.append({"word": text, "punctuated_word": text, "start_sample": at, "end_sample": end, "confidence": 1.0})
        at = end
    return words


def heard(stand_in, audible):
    return any(len(session.audio) >= audible for session in stand_in.sessions.values())


def test_captions_are_those_of_the_library(stand_in_url, open_page):
    page = open_page(stand_in_url)
    for seed in range(60):
        words = spoken(seed)
        shown = [
            {
                "text": word["word"],
                "start": word["start_sample"] / SAMPLE_RATE_HZ,
                "end": word["end_sample"] / SAMPLE_RATE_HZ,
            }
            for word in words
        ]
        found = cues(words)
        assert page.evaluate(CAPTIONS, shown) == [captions(found, "srt"), captions(found, "vtt")], seed
    assert page.evaluate(CAPTIONS, []) == [captions([], "srt"), captions([], "vtt")]


def test_words_that_stay_are_found_again(stand_in_url, open_page):
    page = open_page(stand_in_url)
    assert page.evaluate(SAME, [["my", "name", "is", "ate", "a"], ["My", "name", "is", "Ada,"]]) == [0, 1, 2, -1]
    assert page.evaluate(SAME, [["b", "c"], ["a", "b", "c"]]) == [-1, 0, 1]
    assert page.evaluate(SAME, [[], ["a"]]) == [-1]
    assert page.evaluate(SAME, [["a", "—"], ["—"]]) == [1]


def test_what_is_acknowledged_is_let_go_of_to_the_byte(stand_in_url, open_page):
    page = open_page(stand_in_url)
    steps = [
        ("append", 4),
        ("append", 4),
        ("acknowledge", 5),
        ("from", 5),
        ("from", 7),
        ("acknowledge", 3),
        ("from", 8),
    ]
    assert page.evaluate(KEPT, steps) == [[[5, 6, 7], [7], []], 5, 8]


def test_audio_arrives_whole_over_a_line_that_is_cut_again_and_again(stand_in, line, open_page):
    page = open_page(f"http://127.0.0.1:{line.port}/")
    chunks = 150
    page.evaluate(f"void (window.spoken = ({SPEAK})([location.origin + '/v1/listen', {chunks}]))")
    for audible in (30_000, 120_000, 300_000):
        wait_until(partial(heard, stand_in, audible), meanwhile=lambda: page.wait_for_timeout(20))
        line.cut()
    assert page.evaluate("window.spoken") == chunks * 3_200
    (session,) = stand_in.sessions.values()
    assert session.connections >= 4
    assert bytes(session.audio) == bytes(at % 251 for at in range(chunks * 3_200))

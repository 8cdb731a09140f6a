"""What tests say to a handler, and what they read of its answers."""

from josefine_stage.handler import Turn

TURN = Turn(now_s=0.0)
UTTERANCE = [0.01] * 20 + [0.9] * 60 + [0.01] * 30
SECOND = 16_000
EACH_QUARTER = range(0, 100 * SECOND, SECOND // 4)


def run(handler, entries, turns=4):
    """Gives the inputs one by one and returns progress and loose transcripts."""
    progress, loose = [], []
    for entry in entries:
        handler.accept([entry])
        step = handler.advance(TURN)
        progress += step.progress
        loose += [output.record for output in step.loose]
    for _ in range(turns):
        step = handler.advance(TURN)
        progress += step.progress
        loose += [output.record for output in step.loose]
    return progress, loose


def told(progress):
    return [output.record for one in progress for output in one.outputs]


def kinds(records):
    return [(record["kind"], record["segment"]) for record in records]

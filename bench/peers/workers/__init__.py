"""Programs that run in a peer's environment, not in Josefine's: they import nothing of this repository but
hear_job, which lies beside them.

Each takes a JSON file with `recordings` (raw linear16 at 16 kHz, mono) and options, loads its model, hears the first
recording once so that nothing is done for the first time, and then writes one JSON line a recording, `{"text"}`, and a
last one, `{"seconds", "cpu_s"}`, of hearing all of them.
"""

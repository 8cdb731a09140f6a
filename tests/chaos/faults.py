"""Everything that happens to the engine, by the stack that it happens to."""

import broker_faults
import poison
import store_faults
from device_faults import failing_child, kill_child, last_device_fails, replica_to_fail, stop_child
from fault_points import POINTS
from process_faults import SESSION_TIMEOUT_S, hang, kill, kills_itself, one_more, rebalance, step_clock, zombie
from scenes import BATCH_DEADLINE_S
from trial import Fault

HANG_S = 5 * BATCH_DEADLINE_S
"""Most that a batch of these sessions may take: its deadline grows with its length."""
LOAD_S = 15.0
"""For a child to start, to load the model and to decode what is waiting, on two cores that do everything else too."""
DEATH_S = HANG_S + 2.0 + LOAD_S
"""What a child that hangs costs at the most: its deadline, the time to end by itself, the next child."""
USUAL_S = 5.0
"""Latest final when nothing happens."""

PROCESSES = [
    Fault("SIGKILL of the device child", kill_child, 2.0, LOAD_S, same_generation=True),
    Fault("device child hangs (SIGSTOP)", stop_child, HANG_S, LOAD_S, same_generation=True),
    Fault("SIGKILL of inference", kill("inference"), detect_within_s=2.0),
    Fault("SIGKILL of ingest", kill("ingest"), detect_within_s=2.0),
    Fault("SIGKILL of feature", kill("feature"), detect_within_s=2.0),
    Fault("SIGKILL of nlu", kill("nlu"), detect_within_s=2.0),
]
DEVICE = [
    Fault(
        "device child hangs and ignores SIGTERM",
        failing_child("hang_ignoring_sigterm"),
        HANG_S,
        LOAD_S,
        same_generation=True,
    ),
    Fault("device child crashes (SIGSEGV)", failing_child("crash"), HANG_S, LOAD_S, same_generation=True),
    Fault("device raises a CUDA error", failing_child("cuda_error"), HANG_S, LOAD_S, same_generation=True),
    Fault("device is out of memory", failing_child("out_of_memory", replaced=False), same_generation=True),
    Fault("device answers garbage", failing_child("garbage"), HANG_S, LOAD_S, same_generation=True),
    Fault("device answers too few", failing_child("too_few"), HANG_S, LOAD_S, same_generation=True),
    Fault("a replica's last device fails for good", last_device_fails, replica=replica_to_fail),
    Fault("device is slow for 3 s", failing_child("slow", replaced=False, seconds=3), same_generation=True),
]
TAKEOVERS = [
    Fault("inference stopped past its session timeout", hang("inference", 2 * SESSION_TIMEOUT_S)),
    Fault("ingest stopped past its session timeout", hang("ingest", 2 * SESSION_TIMEOUT_S)),
    Fault("inference a zombie beside its successor", zombie("inference"), replica=one_more("inference")),
    Fault("ingest a zombie beside its successor", zombie("ingest"), replica=one_more("ingest")),
    Fault("feature a zombie beside its successor", zombie("feature"), replica=one_more("feature")),
    *(
        Fault(
            f"{role} killed: {point}",
            kills_itself,
            replica=one_more(role, "tests/chaos/fault_points.py", role, point),
        )
        for role in ("ingest", "inference")
        for point in POINTS
    ),
]
REBALANCES = [
    Fault("inference replica joins and leaves", rebalance, replica=one_more("inference")),
    Fault("ingest replica joins and leaves", rebalance, replica=one_more("ingest")),
]
BROKER = [
    Fault("SIGKILL of the broker", kill("broker")),
    Fault("broker restarts in good order", broker_faults.restart),
    Fault("broker does not answer for 30 s", hang("broker", broker_faults.OUTAGE_S)),
    Fault("broker's disk is full for a while", broker_faults.run_full, needs_small_disk=True),
]
STORE = [
    Fault("SIGKILL of Redis, which keeps its data", kill("store"), detect_within_s=2.0),
    Fault("Redis flushed, then SIGKILL of feature", store_faults.flushed_before_kill_of("feature"), 2.0),
    Fault("Redis flushed, then SIGKILL of inference", store_faults.flushed_before_kill_of("inference"), 2.0),
    Fault("Redis does not answer for 30 s", hang("store", store_faults.OUTAGE_S)),
    Fault("Redis does not answer while ingest restarts", store_faults.deaf_at_restart),
]
CLOCK = [
    Fault("the clock jumps an hour ahead and back", step_clock(3600.0)),
    Fault("the clock jumps an hour back and ahead", step_clock(-3600.0)),
]
POISON = [
    Fault("poison: garbage bytes", poison.published(poison.garbage)),
    Fault("poison: unknown schema", poison.published(poison.unknown_schema)),
    Fault("poison: features of a wrong length", poison.published(poison.wrong_lengths)),
    Fault("poison: features that are not numbers", poison.published(poison.nan_features)),
    Fault(
        "poison: a frame that kills the device child",
        poison.deadly_frame("exit"),
        finals_within_s=2 * LOAD_S + USUAL_S,  # of who shared its batch, and so may be tried behind it
        same_generation=True,
    ),
    Fault(
        "poison: a frame that hangs the device child",
        poison.deadly_frame("hang"),
        finals_within_s=DEATH_S + LOAD_S + USUAL_S,  # of who shared its batch: a spare child has to load too
        same_generation=True,
    ),
]
CLUSTER = [
    Fault("leaders move away and back", broker_faults.move_leaders),
    Fault("SIGKILL of a leader", broker_faults.kill_leader),
    Fault("a leader does not answer for 30 s", broker_faults.leader_hangs),
    Fault("a leader's disk is full for a while", broker_faults.leader_runs_full, needs_small_disk=True),
    *REBALANCES,
    Fault("inference a zombie beside its successor", zombie("inference"), replica=one_more("inference")),
]
FAULTS = {
    "kafka": [*PROCESSES, *DEVICE, *TAKEOVERS, *REBALANCES, *BROKER, *STORE, *CLOCK, *POISON],
    "cluster": CLUSTER,
    "tansu": [
        *PROCESSES,
        Fault("Redis flushed, then SIGKILL of feature", store_faults.flushed_before_kill_of("feature"), 2.0),
    ],
}
QUICK = ("SIGKILL of the device child", "SIGKILL of inference", "Redis flushed, then SIGKILL of feature")
"""What every run of the tests does."""

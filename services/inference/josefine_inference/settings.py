"""Environment of the inference service."""

from pydantic import Field, ValidationInfo, field_validator

from josefine_inference.devices import names_of
from josefine_inference.fault_switch import check_switch
from josefine_stage.settings import StageSettings


class InferenceSettings(StageSettings):
    """What the stage settings have, and the model, the device and their limits."""

    model: str = Field(default="tiny.en", min_length=1)
    """Model of the sessions that name none; loaded at start."""
    models: tuple[str, ...] = ()
    """Other models that sessions may ask for, as a JSON list; loaded on first use."""
    device: str = Field(default="auto", min_length=1)
    """Devices, separated by commas: cpu, cuda:0, ...; auto: the first CUDA device, without a driver the CPU as two."""
    dtype: str = "auto"
    """Number format of the weights: auto, float32, bfloat16, float16, int8."""
    threads: int = Field(default=0, ge=0)
    """Threads of each CPU device; 0: they share the cores."""
    batch_hops: int = Field(default=12_000, ge=3_000)
    """Most audio in a batch, in hops of 10 ms."""
    batch_jobs: int = Field(default=64, ge=1)
    """Most windows in a batch."""
    batch_wait_ms: int = Field(default=20, ge=0)
    """How long a batch waits for company."""
    recorded_hops_beside_live: int = Field(default=6_000, ge=3_000)
    """Most recorded audio in a batch while live sessions are there, whose finals would wait behind it."""
    interim_interval_ms: int = Field(default=1_000, ge=100)
    """New audio between two interim results of a segment, under light load."""
    live_streams: int | None = Field(default=None, ge=0)
    """Live streams that this replica lets in; 0: any number, unset: as many as its devices were measured to serve in
    time. Others end at once with over_capacity."""
    endpointing_ms: int = Field(default=500, ge=32)
    """Silence that ends an utterance where the session does not say."""
    batch_deadline_s: float = Field(default=10.0, gt=0)
    """Least time after which a batch without an answer means a hung device."""
    load_deadline_s: float = Field(default=120.0, gt=0)
    """Time for a device child to start, load a model and decode something."""
    term_deadline_s: float = Field(default=2.0, ge=0)
    """Time after SIGTERM, on which a hung child prints where it hangs, until SIGKILL."""
    kill_deadline_s: float = Field(default=10.0, gt=0)
    """Time after SIGKILL in which a child has to be gone; then its device is put into quarantine."""
    spare_child: bool = True
    """Whether a device gets a second child, and so the memory of its model twice, for up to some minutes after a batch
    has hung the first one: what may hang again is tried beside the others instead of before them."""
    start_failures: int = Field(default=3, ge=1)
    """Children in a row that fail to start before the device is put into quarantine."""
    quarantine_s: float = Field(default=60.0, gt=0)
    """Time until a device whose children failed to start is tried again, while another works."""
    health_interval_s: float = Field(default=30.0, gt=0)
    """How often the driver of a CUDA device is asked about it."""
    health_deadline_s: float = Field(default=20.0, gt=0)
    """Time for its answer; without one the device is not healthy."""
    probe_interval_s: float = Field(default=30.0, gt=0)
    """An idle device proves itself this often."""
    held_mib: int = Field(default=256, ge=8)
    """Features in memory above which the log is not read on."""
    faults: str = ""
    """For tests alone: a file of faults that the device children are to have, see docs/fault-injection.md."""
    allow_faults: str = Field(default="", validate_default=True)
    """Has to be yes-break-this-engine where there are faults."""

    @field_validator("device")
    @classmethod
    def _devices(cls, value: str) -> str:
        names_of(value)
        return value

    @field_validator("allow_faults")
    @classmethod
    def _no_faults_by_accident(cls, allowed: str, earlier: ValidationInfo) -> str:
        check_switch(earlier.data.get("faults", ""), allowed)
        return allowed

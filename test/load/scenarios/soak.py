"""The mixed load for long. The memory of the runtime must be flat: its median late in the run against that early in it."""

import statistics

import gevent
import psutil
from common import TARGET, at_end, check
from locust import events
from mixed import Mixer

MAX_GROWTH = 0.15
MAX_GROWTH_BYTES = 48 * 1024 * 1024
SAMPLE_SECONDS = 0.5

_samples: list[int] = []


class Soaker(Mixer):
    """Locust takes the classes of this file only."""


def runtime_bytes() -> int:
    """Resident memory of workerd, which the edge's process has started."""
    children = psutil.Process(TARGET["edgePid"]).children(recursive=True)
    return sum(child.memory_info().rss for child in children if "workerd" in child.name())


def _sample():
    while True:
        _samples.append(runtime_bytes())
        gevent.sleep(SAMPLE_SECONDS)


@events.test_start.add_listener
def _start(**_):
    gevent.spawn(_sample)


@at_end
def _figures():
    quarter = len(_samples) // 4
    check("soak: memory was seen", quarter > 0 and min(_samples, default=0) > 0)
    if quarter == 0:
        return {}
    early = statistics.median(_samples[quarter : 2 * quarter])
    late = statistics.median(_samples[-quarter:])
    allowed = max(early * MAX_GROWTH, MAX_GROWTH_BYTES)
    check("soak: memory is flat", late - early <= allowed, f"{early / 1e6:.0f} MB, then {late / 1e6:.0f} MB")
    return {"earlyMB": round(early / 1e6), "lateMB": round(late / 1e6), "mostMB": round(max(_samples) / 1e6)}

"""
The only origin is killed for a third of the run (by the driver) while contexts are read and asked for. Reads must not notice; what
was asked for waits and is published once there is an origin again.
"""

import itertools
import time

from common import TARGET, ContextReader, EdgeUser, at_end, check, thresholds
from locust import task

thresholds(manifest=1000, chunk=1000)

_numbers = itertools.count()
_waits: list[float] = []


class Reader(ContextReader):
    pass


class Publisher(EdgeUser):
    fixed_count = 1

    @task
    def publish_and_load(self):
        started = time.monotonic()
        manifest = self.publish(f"{TARGET['run']}, outage {next(_numbers)}. {TARGET['shortText']}", wait_seconds=2)
        _waits.append(time.monotonic() - started)
        if check("outage: published in the end", manifest is not None):
            self.load(manifest, "standard")


@at_end
def _figures():
    longest = max(_waits, default=0.0)
    check("outage: something was asked for meanwhile", longest >= TARGET["outageSeconds"] / 2, f"{longest:.1f} s")
    return {"published": len(_waits), "longestWaitSeconds": round(longest, 1)}

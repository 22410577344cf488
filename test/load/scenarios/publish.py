"""New contexts are published while others are read; each is loaded and checked as soon as it is there."""

import itertools

from common import TARGET, ContextReader, EdgeUser, at_end, check, thresholds
from locust import task

thresholds(manifest=1000, chunk=1000)

_numbers = itertools.count()
_published: set[str] = set()


def next_text() -> str:
    """One that nobody has asked for."""
    return f"{TARGET['run']}, note {next(_numbers)}. {TARGET['shortText']}"


class Reader(ContextReader):
    weight = 3


class Publisher(EdgeUser):
    fixed_count = 1

    @task
    def publish_and_load(self):
        manifest = self.publish(next_text())
        if check("publish: served", manifest is not None):
            check("publish: a context of its own", manifest["id"] not in _published, manifest["id"])
            _published.add(manifest["id"])
            self.load(manifest, "near-lossless")


@at_end
def _figures():
    check("publish: at least one", len(_published) > 0)
    return {"published": len(_published)}

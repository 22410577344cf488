"""Levels, ranges, budgets, layers and conditional requests, mixed at random; every body is compared with the object it is cut from."""

import base64
import hashlib
import random
import urllib.request

from common import TARGET, EdgeUser, check, sha256, thresholds
from locust import constant_throughput, task

thresholds(level=1000, range=1000, conditional=1000)

LAYERS = TARGET["manifest"]["model"]["layers"]


def whole(chunk: dict) -> bytes:
    with urllib.request.urlopen(f"{TARGET['edge']}/v1/chunks/{chunk['id']}") as response:
        body = response.read()
    if sha256(body) != chunk["levels"][-1]["sha256"]:
        raise SystemExit(f"chunk {chunk['id']} is not what the manifest says")
    return body


OBJECTS = [(chunk, f"/v1/chunks/{chunk['id']}", whole(chunk)) for chunk in TARGET["manifest"]["chunks"]]


class Mixer(EdgeUser):
    wait_time = constant_throughput(12)

    def on_start(self):
        self.random = random.Random(f"{id(self)}")

    def pick(self):
        return self.random.choice(OBJECTS)

    def same(self, name: str, answer, expected: bytes) -> None:
        body = answer.content or b""
        check(f"{name}: bytes", body == expected, f"{len(body)} bytes, expected {len(expected)}")

    @task(6)
    def level(self):
        chunk, path, body = self.pick()
        level = self.random.choice(chunk["levels"])
        answer = self.send("level", f"{path}?level={level['name']}")
        self.same("level", answer, body[: level["bytes"]])
        check("level: SHA-256", sha256(answer.content or b"") == level["sha256"])

    @task(4)
    def closed_range(self):
        _, path, body = self.pick()
        first = self.random.randrange(len(body))
        last = self.random.randrange(first, len(body))
        self.part(path, f"{first}-{last}", body, first, last + 1)

    @task(2)
    def open_range(self):
        _, path, body = self.pick()
        first = self.random.randrange(len(body))
        self.part(path, f"{first}-", body, first, len(body))

    @task(2)
    def suffix_range(self):
        _, path, body = self.pick()
        count = self.random.randrange(1, len(body))
        self.part(path, f"-{count}", body, len(body) - count, len(body))

    @task(2)
    def range_of_level(self):
        chunk, path, body = self.pick()
        level = self.random.choice(chunk["levels"])
        first = self.random.randrange(level["bytes"])
        self.part(f"{path}?level={level['name']}", f"{first}-", body[: level["bytes"]], first, level["bytes"])

    def part(self, path: str, wanted: str, body: bytes, start: int, end: int) -> None:
        answer = self.send("range", path, 206, headers={"Range": f"bytes={wanted}"})
        self.same("range", answer, body[start:end])
        said = answer.headers.get("content-range") if answer.headers else None
        check("range: Content-Range", said == f"bytes {start}-{end - 1}/{len(body)}", said)

    @task(1)
    def unsatisfiable_range(self):
        _, path, body = self.pick()
        answer = self.send("range beyond", path, 416, headers={"Range": f"bytes={len(body)}-"})
        check("range beyond: Content-Range", answer.headers.get("content-range") == f"bytes */{len(body)}")

    @task(1)
    def several_ranges(self):
        _, path, body = self.pick()
        self.same("several ranges", self.send("several ranges", path, headers={"Range": "bytes=0-9,20-29"}), body)

    @task(2)
    def budget(self):
        chunk, path, body = self.pick()
        most = self.random.randrange(chunk["levels"][0]["bytes"], len(body))
        got = self.send("budget", f"{path}?maxBytes={most}").content or b""
        check("budget: a prefix within it", 0 < len(got) <= most and body.startswith(got), f"{len(got)} of {most}")

    @task(1)
    def layers(self):
        _, path, _ = self.pick()
        first = self.random.randrange(LAYERS)
        last = self.random.randrange(first, LAYERS)
        answer = self.send("layers", f"{path}?layers={first}-{last}")
        digest = base64.b64encode(hashlib.sha256(answer.content or b"").digest()).decode()
        check("layers: Repr-Digest", answer.headers.get("repr-digest") == f"sha-256=:{digest}:")

    @task(2)
    def conditional(self):
        _, path, _ = self.pick()
        tag = self.send("head", path, method="HEAD").headers.get("etag")
        answer = self.send("conditional", path, 304, headers={"If-None-Match": tag})
        check("conditional: no body", not answer.content)

    @task(1)
    def unknown_level(self):
        _, path, _ = self.pick()
        answer = self.send("unknown level", f"{path}?level=ultra", 422)
        check("unknown level: a problem with its code", (answer.json() or {}).get("code") == "unknown-level")

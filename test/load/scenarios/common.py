"""What all scenarios share: the target under load, checks that are counted, thresholds, and the summary for the driver."""

import hashlib
import json
import os
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from locust import FastHttpUser, constant_throughput, events, task

TARGET = json.loads(Path(os.environ["KVEDGE_LOAD_TARGET"]).read_text())
SUMMARY = Path(os.environ["KVEDGE_LOAD_SUMMARY"])
AUTHORIZATION = {"Authorization": f"Bearer {TARGET['token']}"}
MAX_EXAMPLES = 5
WAIT_SECONDS = 30

if urlsplit(TARGET["edge"]).hostname != "127.0.0.1":
    raise SystemExit("load goes to 127.0.0.1 only")

passed: Counter[str] = Counter()
failed: Counter[str] = Counter()
examples: list[str] = []
_limits: dict[str, float] = {}
_at_end = []


def check(name: str, holds: bool, detail: object = "") -> bool:
    """Counts a check. One that fails fails the scenario."""
    if holds:
        passed[name] += 1
    else:
        failed[name] += 1
        if len(examples) < MAX_EXAMPLES:
            examples.append(f"{name}: {detail}"[:300])
    return holds


def thresholds(**p99_ms: float) -> None:
    """99th percentiles, in milliseconds by name of request, that fail the scenario when exceeded."""
    _limits.update(p99_ms)


def at_end(function):
    """Runs before the summary; may check, and gives figures to add to it."""
    _at_end.append(function)
    return function


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class EdgeUser(FastHttpUser):
    """A client of the edge. `send` answers whatever the status is: what is right is for checks to say."""

    abstract = True
    host = TARGET["edge"]
    network_timeout = 90.0
    connection_timeout = 30.0

    def send(self, name: str, path: str, expected: int | tuple[int, ...] = 200, method: str = "GET", **options):
        statuses = (expected,) if isinstance(expected, int) else expected
        headers = {"Accept-Encoding": "identity", **options.pop("headers", {})}
        with self.client.request(
            method, path, name=name, headers=headers, catch_response=True, allow_redirects=False, **options
        ) as response:
            if check(f"{name}: status", response.status_code in statuses, f"{response.status_code} {path}"):
                response.success()
            else:
                response.failure(f"status {response.status_code}")
        return response

    def load(self, manifest: dict, level: str) -> None:
        """Opens a context as a client does, and checks every byte of it against the manifest."""
        path = f"/v1/contexts/{manifest['id']}"
        answer = self.send("manifest", path)
        check("manifest: the one published", answer.status_code == 200 and answer.json() == manifest)
        answer = self.send("tokens", f"{path}/tokens")
        tokens = answer.json()["chunks"] if answer.status_code == 200 else []
        counts = [len(chunk["tokens"]) for chunk in tokens]
        check("tokens: as many as the manifest says", counts == [c["tokenCount"] for c in manifest["chunks"]])
        for chunk in manifest["chunks"]:
            wanted = next(one for one in chunk["levels"] if one["name"] == level)
            body = self.send("chunk", f"/v1/chunks/{chunk['id']}?level={level}").content or b""
            check("chunk: length", len(body) == wanted["bytes"], f"{len(body)} of {wanted['bytes']}")
            check("chunk: SHA-256", sha256(body) == wanted["sha256"], chunk["id"])

    def publish(self, text: str, wait_seconds: int = WAIT_SECONDS, patience_seconds: int = 120) -> dict | None:
        """Asks until the context is published; gives its manifest. Any answer but 201 and 202 fails a check."""
        until = time.monotonic() + patience_seconds
        while time.monotonic() < until:
            answer = self.send(
                "publish",
                "/v1/contexts",
                (201, 202),
                method="POST",
                headers={**AUTHORIZATION, "Prefer": f"wait={wait_seconds}"},
                json={"model": TARGET["model"], "text": text},
            )
            if answer.status_code == 201:
                return answer.json()
            if answer.status_code != 202:
                return None
            check("publish: a job that goes on", answer.json()["state"] != "failed", answer.text)
        check("publish: in time", False, f"not published after {patience_seconds} s")
        return None


class ContextReader(EdgeUser):
    """Opens the published context once a second, if the edge keeps up. Each scenario that has readers derives its own."""

    abstract = True
    wait_time = constant_throughput(1)

    @task
    def open_context(self):
        self.load(TARGET["manifest"], "standard")


@events.quitting.add_listener
def _summarize(environment, **_):
    figures = {}
    for function in _at_end:
        figures.update(function() or {})
    total = environment.stats.total
    requests = [
        {
            "name": entry.name,
            "requests": entry.num_requests,
            "perSecond": round(entry.total_rps, 2),
            "p50Ms": entry.get_response_time_percentile(0.5),
            "p99Ms": entry.get_response_time_percentile(0.99),
        }
        for entry in sorted(environment.stats.entries.values(), key=lambda entry: entry.name)
    ]
    p99_ms = {entry["name"]: entry["p99Ms"] for entry in requests}
    broken = [
        f"p99 of {name} is {p99_ms.get(name, 'unknown')} ms, allowed {limit} ms"
        for name, limit in _limits.items()
        if not p99_ms.get(name, limit + 1) <= limit
    ]
    SUMMARY.write_text(
        json.dumps(
            {
                "requests": total.num_requests,
                "requestsPerSecond": round(total.total_rps, 2),
                "checksPassed": sum(passed.values()),
                "checksFailed": sum(failed.values()),
                "failedChecks": dict(failed),
                "examples": examples,
                "exceptions": [str(error.error)[:300] for error in environment.stats.errors.values()]
                + [one["msg"] for one in environment.runner.exceptions.values()],
                "brokenThresholds": broken,
                "byRequest": requests,
                "figures": figures,
            }
        )
    )
    environment.process_exit_code = 1 if failed or broken or total.num_requests == 0 else 0

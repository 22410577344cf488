"""Clients that open one context again and again, at a rate that the edge must keep up with."""

from common import TARGET, EdgeUser, thresholds
from locust import constant_throughput, task

thresholds(manifest=1000, tokens=1000, chunk=1000)


class Reader(EdgeUser):
    wait_time = constant_throughput(1)

    @task
    def open_context(self):
        self.load(TARGET["manifest"], "standard")

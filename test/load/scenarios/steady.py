"""Clients that open one context again and again, at a rate that the edge must keep up with."""

from common import ContextReader, thresholds

thresholds(manifest=1000, tokens=1000, chunk=1000)


class Reader(ContextReader):
    pass

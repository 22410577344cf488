"""
Everybody asks at once for a context that nobody has asked for. All must get one and the same; the driver checks in the log of the
origin that it was computed once.
"""

from common import TARGET, EdgeUser, check
from locust import events, task
from locust.exception import StopUser

_ids: list[str] = []
_left = 0


@events.spawning_complete.add_listener
def _count(user_count, **_):
    global _left
    _left += user_count
    _quit_when_done()


def _quit_when_done():
    if _left == 0:
        environment.runner.quit()


@events.init.add_listener
def _keep(environment, **_):
    globals()["environment"] = environment


class Publisher(EdgeUser):
    @task
    def publish_cold(self):
        global _left
        manifest = self.publish(TARGET["coldText"], wait_seconds=60)
        if check("herd: served", manifest is not None):
            _ids.append(manifest["id"])
            check("herd: the same context for everybody", manifest["id"] == _ids[0])
        _left -= 1
        _quit_when_done()
        raise StopUser

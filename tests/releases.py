"""Sequences of WeChat's plans. For each of them, the table states how a watch must end, and its events.

The tests of the local watch and of the state machine both play this table.
"""

from typing import Any, NamedTuple

Plan = dict[str, Any]

CREATED, NEXT = 1700000000, 1700600000
FINISHED, GONE = "finished", "gone"


class Sequence(NamedTuple):
    """One release, with the plan for each request of a watch. `None` stands for no plan."""

    plans: list[Any]
    end: str
    told: list[str]


def plan(status: int, percentage: float, created: int = CREATED) -> Plan:
    """Return a plan as WeChat writes it."""
    return {"status": status, "create_timestamp": created, "gray_percentage": percentage}


INITIAL = {"status": 0}
ZEROS = {"status": 0, "create_timestamp": 0, "default_finish_timestamp": 0, "gray_percentage": 0}
RUNNING, PAUSED = plan(1, 20), plan(2, 20)
MEMBERS = {**plan(1, 0), "support_debuger_first": True, "support_experiencer_first": False}
DONE = plan(3, 100)

BEGUN, OVER = "rolling out 20%", "rolling out → over or withdrawn"
REPLACED = f"{OVER}, another release has begun"

SEQUENCES = {
    "finished": Sequence(
        [RUNNING, PAUSED, PAUSED, RUNNING, DONE],
        FINISHED,
        [BEGUN, "rolling out → paused 20%", "paused → rolling out 20%", "rolling out → finished 100%"],
    ),
    "finished before": Sequence([DONE], FINISHED, ["finished 100%"]),
    "withdrawn, without numbers": Sequence([RUNNING, INITIAL], GONE, [BEGUN, OVER]),
    "withdrawn, with zeros": Sequence([RUNNING, ZEROS], GONE, [BEGUN, OVER]),
    "withdrawn, with the old numbers": Sequence([RUNNING, plan(0, 20)], GONE, [BEGUN, OVER]),
    "withdrawn, with null": Sequence([RUNNING, {**INITIAL, "gray_percentage": None}], GONE, [BEGUN, OVER]),
    "withdrawn while paused": Sequence([PAUSED, ZEROS], GONE, ["paused 20%", "paused → over or withdrawn"]),
    "withdrawn, and the next begins": Sequence([RUNNING, INITIAL, plan(1, 5, NEXT), DONE], GONE, [BEGUN, OVER]),
    "withdrawn, created unknown": Sequence(
        [{"status": 1, "gray_percentage": 20}, plan(0, 0, NEXT)],
        GONE,
        [BEGUN, OVER],
    ),
    "replaced": Sequence([RUNNING, plan(1, 5, NEXT)], GONE, [BEGUN, REPLACED]),
    "replaced by one that has not started": Sequence([RUNNING, plan(0, 0, NEXT)], GONE, [BEGUN, REPLACED]),
    "replaced by one that has finished": Sequence([RUNNING, plan(3, 100, NEXT)], GONE, [BEGUN, REPLACED]),
    "replaced by one that was deleted": Sequence([RUNNING, plan(4, 0, NEXT)], GONE, [BEGUN, REPLACED]),
    "members only, finished": Sequence(
        [MEMBERS, MEMBERS, DONE],
        FINISHED,
        ["members only 0%", "members only → finished 100%"],
    ),
    "members only, withdrawn": Sequence(
        [MEMBERS, INITIAL],
        GONE,
        ["members only 0%", "members only → over or withdrawn"],
    ),
    "members only, then everyone": Sequence(
        [MEMBERS, {**MEMBERS, "gray_percentage": 5}, DONE],
        FINISHED,
        ["members only 0%", "members only → rolling out 5%", "rolling out → finished 100%"],
    ),
    "plan gone": Sequence([RUNNING, None], GONE, [BEGUN, "rolling out → no release"]),
    "plan empty": Sequence([RUNNING, {}], GONE, [BEGUN, "rolling out → no release"]),
    "plan without a status": Sequence(
        [RUNNING, {"gray_percentage": 20}],
        GONE,
        [BEGUN, "rolling out → no release"],
    ),
    "no plan": Sequence([None], GONE, []),
    "deleted": Sequence([RUNNING, plan(4, 20)], GONE, [BEGUN, "rolling out → deleted 20%"]),
    "deleted before": Sequence([{"status": 4}], GONE, ["deleted"]),
    "not started yet": Sequence(
        [INITIAL, ZEROS, INITIAL, RUNNING, DONE],
        FINISHED,
        ["not started", "not started → rolling out 20%", "rolling out → finished 100%"],
    ),
    "not started yet, with the numbers of the previous release": Sequence(
        [plan(0, 60), plan(1, 10, NEXT), plan(0, 10, NEXT)],
        GONE,
        ["not started", "not started → rolling out 10%", OVER],
    ),
    "not started, and gone": Sequence([INITIAL, None], GONE, ["not started", "not started → no release"]),
    "with an undocumented status": Sequence(
        [RUNNING, {"status": 5}, {"status": 5}, INITIAL],
        GONE,
        [BEGUN, "rolling out → status 5", "status 5 → over or withdrawn"],
    ),
}

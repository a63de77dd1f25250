"""Which trigger an event comes from: one class for each, which reads its arguments and shapes its reply.

A new trigger is a class with `recognises`, `arguments`, `correlation_id`, `succeed` and `fail`, listed in `TRIGGERS`.
"""

from collections.abc import Mapping

from handler.triggers.aws_http import HttpApi, LoadBalancer, RestApi
from handler.triggers.direct import Direct
from handler.triggers.http import HttpTrigger
from handler.triggers.scf_http import Scf
from handler.triggers.schedules import Schedule, Timer

Trigger = Direct | HttpTrigger

# The first that recognises an event has it.
TRIGGERS: tuple[type[Trigger], ...] = (Schedule, Timer, LoadBalancer, HttpApi, Scf, RestApi)


def recognise(event: object) -> Trigger:
    """Return the trigger that the event comes from; `Direct` where none of the others recognises it."""
    if isinstance(event, Mapping):
        for trigger in TRIGGERS:
            if trigger.recognises(event):
                return trigger(event)
    return Direct(event)

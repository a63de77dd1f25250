"""The triggers: for each a class that recognises its events, reads their arguments and builds the reply.

A new trigger is a class derived from `Trigger` (`base.py`), listed in `TRIGGERS`.
"""

from collections.abc import Mapping

from handler.triggers.aws_http import HttpApi, LoadBalancer, RestApi
from handler.triggers.base import Trigger
from handler.triggers.direct import Direct
from handler.triggers.scf_http import Scf
from handler.triggers.schedules import EventBridge, Timer
from handler.triggers.unsupported import Unsupported

# The first that recognises an event handles it. `Unsupported` is first, because events of authorizers and Bedrock's
# agents look like HTTP events too.
TRIGGERS: tuple[type[Trigger], ...] = (
    Unsupported,
    EventBridge,
    Timer,
    LoadBalancer,
    HttpApi,
    Scf,
    RestApi,
    Direct,
)


def recognise(event: object) -> Trigger:
    """Return the trigger that the event comes from."""
    if isinstance(event, Mapping):
        return next(trigger for trigger in TRIGGERS if trigger.recognises(event))(event)
    return Unsupported(event) if isinstance(event, list) else Direct(event)

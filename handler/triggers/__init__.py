"""The triggers. Each is a class that recognises its events, parses their arguments and creates the reply.

To add a trigger, write a subclass of `Trigger` (`base.py`) and list it in `TRIGGERS`.
"""

from collections.abc import Mapping

from handler.triggers.aws_http import HttpApi, LoadBalancer, RestApi
from handler.triggers.base import Trigger
from handler.triggers.direct import Direct
from handler.triggers.scf_http import Scf
from handler.triggers.schedules import EventBridge, Timer
from handler.triggers.unsupported import Unsupported

# The first class that recognises an event handles it. `Unsupported` is first, because the events of authorizers and of
# Bedrock's agents also look like HTTP events.
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
    """Return the trigger of an event."""
    if isinstance(event, Mapping):
        return next(trigger for trigger in TRIGGERS if trigger.recognises(event))(event)
    return Unsupported(event) if isinstance(event, list) else Direct(event)

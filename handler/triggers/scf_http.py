"""HTTP triggers on SCF: the function URL, and API Gateway, which Tencent is retiring.

Event shapes: https://cloud.tencent.com/document/product/583/96099 and https://cloud.tencent.com/document/product/583/12513
"""

from collections.abc import Mapping
from typing import Any

from handler.triggers.http import HttpTrigger, parse_query


class Scf(HttpTrigger):
    """SCF's function URL and its older API Gateway. Unlike AWS, both put the query into `queryString`."""

    name = "scf-http"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether an HTTP trigger of SCF sent the event."""
        return "httpMethod" in event and ("queryString" in event or not event.get("requestContext"))

    def _parse_query(self) -> Mapping[str, Any]:
        query = self.event.get("queryString")
        return self._select_fields("queryString") or parse_query(query) or super()._parse_query()

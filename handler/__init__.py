"""WeChat's cloud call `openapi.operation.getGrayReleasePlan` as a stateless Python function.

The entry points are `handler.app.lambda_handler` (AWS Lambda) and `handler.app.main_handler` (Tencent SCF).
This file imports no modules, so that a cold start loads only those that the entry points need.
"""

__all__ = ["app", "contract"]

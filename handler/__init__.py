"""WeChat's cloud call `openapi.operation.getGrayReleasePlan` as a stateless Python function.

The entry points are `handler.app.lambda_handler` (AWS Lambda) and `handler.app.main_handler` (Tencent SCF).
This file imports nothing, so that a cold start loads only the modules that it needs.
"""

__all__ = ["app", "contract"]

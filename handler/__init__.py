"""WeChat's cloud call `openapi.operation.getGrayReleasePlan` as a stateless Python function.

The entry points are `handler.app.lambda_handler` (AWS Lambda) and `handler.app.main_handler` (Tencent SCF).
Nothing is imported here: a cold start pays only for the modules its own path uses.
"""

__all__ = ["app", "contract"]

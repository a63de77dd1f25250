"""Advice for errors that a new account meets, by the codes in `tencentcloud.scf.v20180416.errorcodes`."""

_OPEN_SERVICE = (
    "open https://console.cloud.tencent.com/scf once with the main account: it verifies your identity and creates the"
    " role SCF_QcsRole"
)
_PAY = "the account is in arrears or has no balance: top it up in Tencent's console"
_GRANT = "grant the key's user the policy QcloudSCFFullAccess"

HINTS = {
    "FailedOperation.QcsRoleNotFound": _OPEN_SERVICE,
    "FailedOperation.CallRoleFailed": _OPEN_SERVICE,
    "FailedOperation.OpenService": _OPEN_SERVICE,
    "FailedOperation.UnOpenedService": _OPEN_SERVICE,
    "ResourceNotFound.Role": _OPEN_SERVICE,
    "ResourceNotFound.RoleCheck": _OPEN_SERVICE,
    "UnauthorizedOperation.Role": _OPEN_SERVICE,
    "FailedOperation.AccountInsufficient": _PAY,
    "FailedOperation.InsufficientBalance": _PAY,
    "ResourceUnavailable.InsufficientBalance": _PAY,
    "ResourceUnavailable.ServiceSuspended": _PAY,
    "UnauthorizedOperation": _GRANT,
    "UnauthorizedOperation.CAM": _GRANT,
    "UnauthorizedOperation.CreateTrigger": _GRANT,
    "UnauthorizedOperation.DeleteFunction": _GRANT,
    "UnauthorizedOperation.UpdateFunctionCode": _GRANT,
    "UnauthorizedOperation.Region": "set TENCENTCLOUD_REGION to a region that has SCF, such as ap-guangzhou",
    "LimitExceeded.Eip": (
        "the quota of fixed public addresses is used up: ask Tencent for more, or set EipStatus in scf.json to DISABLE"
        " and give the function another fixed address (a VPC with a NAT gateway)"
    ),
    "LimitExceeded.Function": "the region's quota of functions is used up: delete one, or ask Tencent for more",
    "LimitExceeded.Trigger": "the function has as many triggers as Tencent allows: delete one in the console",
    "LimitExceeded.TotalConcurrencyMemory": "the region's quota of concurrent memory is used up: ask Tencent for more",
    "ResourceNotFound.Namespace": "create the namespace in the console, or leave Namespace out of scf.json",
    "ResourceNotFound.Qualifier": "publish the version or create the alias that the trigger names in Qualifier",
    "ResourceNotFound.Alias": "create the alias that the trigger names in Qualifier",
    "InvalidParameter.RequestTooLarge": "the zip is too large for a request: upload it in the console",
}

"""A stand-in for api.weixin.qq.com on this machine."""

"""Send requests to WeChat's API, check its answers, and run wechatpy on this function's connections."""

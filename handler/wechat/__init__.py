"""WeChat's API: its answers and errcodes, and wechatpy on top of this function's connections."""

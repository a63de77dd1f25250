"""WeChat's API: what its answers mean, and wechatpy over our connections."""

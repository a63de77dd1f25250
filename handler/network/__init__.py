"""Exchanges with servers (WeChat, a token server, AWS, Redis), each limited in time and size."""

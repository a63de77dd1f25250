"""One bounded exchange with a server: WeChat, a token server, AWS or Redis."""

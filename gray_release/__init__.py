"""The command `gray-release` (`python -m gray_release`) and its WeChat sandbox; not deployed."""

"""What a sweep reads."""

import pytest

from gray_release.sweep.files import appids


@pytest.mark.parametrize(
    "text",
    [
        "wx1\nwx2\n",
        "\ufeffwx1\r\n\r\n# ours\r\n  wx2  \r\nwx1\r\n",
        "appid\nwx1\nwx2\n",
        'name,appid\n"a, b",wx1\nc,wx2\nd,\n',
        "\ufeffappid,name\nwx1,a\nwx2,b\n",
    ],
)
def test_appids(text: str) -> None:
    """A list and a CSV file with a column appid give the same appids, each once."""
    assert appids(text) == ["wx1", "wx2"]


def test_no_appids() -> None:
    """Nothing gives nothing."""
    assert appids("\n# nobody\n") == appids("appid\n") == []

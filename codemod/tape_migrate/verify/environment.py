"""What a process that runs single functions of the user's code gets of the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SECRET = re.compile(
    r"(?:^|_)(?:TOKENS?|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|AUTH"
    r"|API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY)(?:_|$)"
)


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` without the variables that by their names hold what gives access.

    Functions are called with made-up inputs, by ``probe`` even unasked; nothing that they are
    there to compute needs a password.
    """
    return {name: v for name, v in environment.items() if not _SECRET.search(name.upper())}

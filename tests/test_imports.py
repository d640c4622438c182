"""Which modules may run in one program."""

from __future__ import annotations

import pytest

from tape_migrate.project import build_project

FILES = {
    "main.py": "import train\nfrom tools import plots\n",
    "train.py": "from losses import penalty\nfrom models.critic import build\n",
    "losses.py": "import numpy as np\n",
    "models/critic.py": "import tensorflow as tf\n",
    "tools/__init__.py": "import os\n",
    "tools/plots.py": "from . import style\n",
    "tools/style.py": "import matplotlib\n",
    "other.py": "import losses\n",
    "alone.py": "import numpy\n# train\n",
    "empty.py": "print('train')\n",
}
TOOLS = ["tools/__init__.py", "tools/plots.py"]


def program(path: str, **more: str) -> list[str]:
    files = {**FILES, **{f"{stem}.py": text for stem, text in more.items()}}
    return build_project({name: text.encode() for name, text in files.items()}).program(path)


@pytest.mark.parametrize(
    ("path", "others"),
    [
        ("train.py", ["losses.py", "main.py", "models/critic.py", *TOOLS, "tools/style.py"]),
        ("alone.py", []),
        ("empty.py", []),
        ("tools/style.py", ["losses.py", "main.py", "models/critic.py", *TOOLS, "train.py"]),
        ("other.py", ["losses.py"]),
    ],
)
def test_what_imports_and_is_imported(path: str, others: list[str]) -> None:
    assert program(path) == others


def test_a_text_may_import_anything() -> None:
    found = program("alone.py", alone="import importlib\nimportlib.import_module(name)\n")
    assert found == sorted(set(FILES) - {"alone.py"})


def test_modules_that_import_each_other() -> None:
    found = program("losses.py", losses="import train\n")
    assert "main.py" in found
    assert "losses.py" not in found

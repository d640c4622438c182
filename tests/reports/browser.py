"""A page in headless Chromium: what a script finds there, and how it looks."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
_ANSWER = re.compile(r'<pre id="answer">(.*?)</pre>', re.DOTALL)


def look(page: Path, script: str, *, width: int = 1280, dark: bool = False) -> Any:
    """Open ``page`` in a frame ``width`` pixels wide and return what ``script`` returns in it.

    ``script`` is the body of a function of ``frame``, the window of the page.
    """
    outer = page.with_name(f"outer-{page.name}")
    outer.write_text(
        f"""<!DOCTYPE html><body style="margin:0"><pre id="answer">none</pre>
<script>
const f = document.createElement("iframe");
f.style = "width:{width}px;height:900px;border:0";
f.onload = () => {{
  f.onload = null;
  let answer;
  try {{ answer = (function (frame) {{ {script} }})(f.contentWindow); }}
  catch (error) {{ answer = {{error: String(error)}}; }}
  document.getElementById("answer").textContent = JSON.stringify(answer);
}};
f.srcdoc = {json.dumps(page.read_text(encoding="utf-8")).replace("</", "<" + chr(92) + "/")};
document.body.append(f);
</script></body>""",
        encoding="utf-8",
    )
    assert BROWSER is not None
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    profile = page.with_name("profile")
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-web-security",
         f"--user-data-dir={profile}",
         *scheme, "--window-size=1400,1000", "--virtual-time-budget=5000", "--dump-dom",
         f"file://{outer}"],
        capture_output=True, check=False, timeout=60, env={**os.environ, "HOME": str(page.parent)},
    )  # fmt: skip
    match = _ANSWER.search(done.stdout.decode("utf-8"))
    assert match is not None, done.stderr[-500:]
    return json.loads(html.unescape(match[1]))

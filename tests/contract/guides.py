"""Does what the guides say: pastes each one's commands into a shell, in order, and compares what they print with what the guide shows.

Usage: guides.py API PLATFORM_KEY [GUIDE.md ...]

Each guide has its workflow in `workflows/`, and every operation that the guide calls is in it.

A `sh` block is run; a `text` block that follows is what it must print, where a line of `…` stands for any lines and `…` within one for any words.
With `relance` on the path, and its database in the environment. A guide starts with the shell that the first guide ends with: `api`, `key` of a new tenant, `call`. Other blocks (`console`, `json`) are only shown.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parent.parent / "docs"
MARK = "@@ block "
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text):
    """Pairs of commands and what they must print (or None)."""
    found = []
    for kind, body in BLOCK.findall(text):
        if kind == "sh":
            found.append([body, None])
        elif kind == "text" and found:
            found[-1][1] = body
    return found


def fits(expected, printed):
    printed = re.sub("[\u00a0\u202f]", " ", printed)  # French typography
    pattern = "".join(
        r"(?:.*\n)*" if line.strip() == "…" else re.escape(line).replace("…", ".*") + r"\n" for line in expected.splitlines()
    )
    return re.fullmatch(pattern, printed if printed.endswith("\n") or not printed else printed + "\n") is not None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def new_key(api, platform):
    body = {"name": "Atelier SAS", "jurisdiction": "FR", "time_zone": "Europe/Paris", "language": "fr", "currency": "EUR"}
    headers = {"Authorization": f"Bearer {platform}", "Content-Type": "application/json"}
    request = urllib.request.Request(api + "/v1/tenants", data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        made = json.load(answer)
    return made["test_key"]["secret"], made["live_key"]["secret"]


def follow(guide, api, platform):
    """What went otherwise than the guide says."""
    parts = blocks(guide.read_text())
    first = blocks((DOCS / "first-reminder.md").read_text())[0][0]
    script = "set -euo pipefail\n" + first
    script += "".join(f"\necho '{MARK}{at}'\n{commands}" for at, (commands, _) in enumerate(parts))
    test, live = new_key(api, platform)
    environment = {**os.environ, "api": api, "platform": platform, "key": test, "live": live, "hook_port": str(free_port())}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["bash"], input=script, capture_output=True, text=True, env=environment, cwd=folder, timeout=300)
    printed = dict(enumerate(re.split(rf"^{MARK}\d+\n", done.stdout, flags=re.MULTILINE)[1:]))
    for at, (commands, expected) in enumerate(parts):
        if at not in printed:
            return f"did not come to:\n{commands}"
        stopped = done.returncode and at == len(printed) - 1
        if stopped or (expected is not None and not fits(expected, printed[at])):
            return f"{commands}printed:\n{printed[at]}{done.stderr}" + ("" if expected is None else f"instead of:\n{expected}")
    return None if parts else "has no commands"


def called(text, document):
    """The operations that a guide's commands call."""
    found = set()
    for commands, _ in blocks(text):
        commands = re.sub(r"\$\([^()]*\)", "X", commands.replace("\\\n", " "))
        for path, rest in re.findall(r'\bcall "?(/v1/[^\s"?|)]*)("?\S*[^\n|]*)', commands):
            method = (re.search(r"-X (\w+)", rest) or ["", "POST" if " -d " in f" {rest} " else "GET"])[1].lower()
            fits = [
                item[method]["operationId"]
                for template, item in document["paths"].items()
                if method in item and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
            ]
            found.add(fits[0] if fits else f"{method} {path}")
    return found


def uncovered(guide, document):
    """What a guide calls and its workflow does not."""
    flows = [HERE / "workflows" / f"{name}.arazzo.yaml" for name in ("setup", guide.stem)]
    covered = set(re.findall(r"operationId: (?:\$sourceDescriptions\.relance\.)?(\w+)", "".join(flow.read_text() for flow in flows)))
    return called(guide.read_text(), document) - covered


def main():
    api, platform, *names = sys.argv[1:]
    wrong = 0
    with urllib.request.urlopen(api + "/openapi.json", timeout=10) as answer:
        document = json.load(answer)
    for guide in [pathlib.Path(name) for name in names] or sorted(DOCS.glob("*.md")):
        fault = follow(guide, api, platform)
        if fault is None and (missing := uncovered(guide, document)):
            fault = f"calls {', '.join(sorted(missing))}, which its workflow does not"
        print(f"{guide.name}: {'as it says' if fault is None else fault}", flush=True)
        wrong += fault is not None
    sys.exit(1 if wrong else 0)


main()

"""How often each operation was asked, from what hooks.py wrote down.

Usage: counts.py FOLDER missing AIM LEAST   settings that draw what is missing to so many requests an operation, and at least so many
       counts.py FOLDER summary AIM         what there was, with the operations that can be asked less often
"""

import collections
import json
import pathlib
import sys

folder, what, aim = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
asked = collections.Counter()
for file in folder.iterdir():
    asked.update(json.loads(file.read_text()))

if what == "missing":
    least = int(sys.argv[4])
    for operation, count in sorted(asked.items()):
        print(f"\n[[operations]]\ninclude-name = {json.dumps(operation)}\ngeneration.max-examples = {max(least, aim - count)}")
else:
    fewer = sorted((count, operation) for operation, count in asked.items() if count < aim)
    print(f"{asked.total()} requests of {len(asked)} operations; {len(asked) - len(fewer)} operations at least {aim} times; fewer, since there are no more:")
    for count, operation in fewer:
        print(f"{count:5} {operation}")

"""Makes a tenant on a running server and prints what the run needs: the tenant's test key, and a token made from it.

Usage: seed.py URL PLATFORM_KEY
"""

import json
import sys
import time
import urllib.error
import urllib.request

url, platform_key = sys.argv[1:]


def post(path, key, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(url + path, data=data, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def wait_until_ready():
    for _ in range(100):
        try:
            urllib.request.urlopen(url + "/readyz", timeout=1).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    sys.exit(f"{url} does not become ready")


wait_until_ready()
tenant = {"name": "Atelier", "jurisdiction": "FR", "time_zone": "Europe/Paris", "language": "fr", "currency": "EUR"}
key = post("/v1/tenants", platform_key, tenant)["test_key"]["secret"]
print(key, post("/v1/tokens", key)["access_token"])

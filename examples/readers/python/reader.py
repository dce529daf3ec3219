"""Calls a URL with the rotator's token: reader.py secret tokens/notes https://notes.example/z

VAULT_ADDR, VAULT_TOKEN and, if need be, VAULT_CACERT and VAULT_NAMESPACE say where Vault is and who asks.
"""

import json
import os
import random
import ssl
import sys
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

LAG = timedelta(seconds=60)  # at least as short as `reader_lag` of the rotation


class RotatedToken:
    """The entry that a rotation keeps, read when it is due."""

    def __init__(self, mount, path):
        self.url = f"{os.environ['VAULT_ADDR'].rstrip('/')}/v1/{mount}/data/{path}"
        self.entry = None
        self.look_again = None

    def header(self):
        """Name and value of the header to send."""
        if self.entry is None or now() >= self.look_again:
            try:
                self.read()
            except OSError:
                # Vault is away: the token that we have serves until its end.
                if self.entry is None:
                    raise
        end = time(self.entry, "expires_at")
        if end is not None and end <= now():
            raise RuntimeError(f"the token of rotation {self.entry['rotation']} ended at {end}")
        return self.entry["header_name"], self.entry["header_value"]

    def read(self):
        """Reads the entry now, as is right after a 401: the token may just have been replaced."""
        headers = {"X-Vault-Token": os.environ["VAULT_TOKEN"]}
        if "VAULT_NAMESPACE" in os.environ:
            headers["X-Vault-Namespace"] = os.environ["VAULT_NAMESPACE"]
        with get(self.url, headers) as answer:
            self.entry = json.load(answer)["data"]["data"]
        # Before that time there is no newer token that we would need; then we look until it is there.
        newer = time(self.entry, "refresh_after") or now()
        # Not all readers in the same moment.
        self.look_again = max(newer, now() + LAG * random.uniform(0.8, 1))


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the headers along to wherever it leads."""

    def redirect_request(self, *_):
        return None


def get(url, headers):
    tls = ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT"))
    opener = urllib.request.build_opener(NoRedirect, urllib.request.HTTPSHandler(context=tls))
    return opener.open(urllib.request.Request(url, headers=headers), timeout=10)


def time(entry, name):
    """A time of the entry; None where nobody knows it."""
    text = entry.get(name)
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def now():
    return datetime.now(timezone.utc)


def main(mount, path, url):
    token = RotatedToken(mount, path)
    try:
        answer = get(url, dict([token.header()]))
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        token.read()
        answer = get(url, dict([token.header()]))
    with answer:
        sys.stdout.buffer.write(answer.read())


if __name__ == "__main__":
    main(*sys.argv[1:])

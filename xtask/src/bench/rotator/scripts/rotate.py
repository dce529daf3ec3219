# Rotations as people write them: rotate COUNT THREADS FOLDER VERSION
# One process, connections kept alive, a client for each thread.
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import hvac
import requests

count, threads, folder, version = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
clients = threading.local()


def prepare():
    clients.web = requests.Session()
    clients.vault = hvac.Client(url=os.environ["VAULT_ADDR"], token=os.environ["VAULT_TOKEN"])


def rotate(number):
    user = f"user-{number}"
    login = {"username": user, "password": os.environ["ZETTELSTORE_PASSWORD"]}
    answer = clients.web.post(os.environ["ZETTELSTORE_BASE_URL"] + "a", data=login)
    answer.raise_for_status()
    clients.vault.secrets.kv.v2.create_or_update_secret(
        path=f"{folder}/{user}", cas=version, secret={"token": answer.text.split('"')[3], "subject": user}
    )


if threads == 1:
    prepare()
    for number in range(1, count + 1):
        rotate(number)
else:
    with ThreadPoolExecutor(threads, initializer=prepare) as pool:
        list(pool.map(rotate, range(1, count + 1)))

"""A real object store that speaks S3: OpenStack Swift as Debian packages it, all on 127.0.0.1.

One account, container and object server each, a proxy before them with the S3 interface, and a memcached;
configuration, rings and data lie in one folder, nothing of /etc/swift is read or written.
"""

import getpass
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from tests.ports import free_ports
from tests.remotes import processes

PYTHON = "/usr/bin/python3"  # Debian's, which has the package
SERVERS = ("account", "container", "object", "proxy")
BUCKET = "taet"
ACCESS_KEY, SECRET_KEY = "taet:tester", "toysecret"

# Arguments: folder of the configuration, then one port for each ring.
RINGS = """
import sys
from swift.common.ring import RingBuilder
for name, port in zip(("account", "container", "object"), sys.argv[2:], strict=True):
    builder = RingBuilder(part_power=6, replicas=1, min_part_hours=1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "disk", "weight": 1})
    builder.rebalance()
    builder.get_ring().save(f"{sys.argv[1]}/{name}.ring.gz")
"""
# Arguments: folder of the configuration, name of the server. swift.conf is the one thing for which the
# servers' own programs look in /etc/swift only.
SERVER = """
import sys
from swift.common.utils import set_swift_dir
set_swift_dir(sys.argv[1])
from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(f"{sys.argv[1]}/{sys.argv[2]}-server.conf", f"{sys.argv[2]}-server"))
"""

HASHES = """
[swift-hash]
swift_hash_path_suffix = taet
swift_hash_path_prefix = taet

[storage-policy:0]
name = only
default = yes
"""
# No worker processes: the one that is started is the one to end.
COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {base}
devices = {base}/devices
mount_check = false
disable_fallocate = true
workers = 0
log_address = {base}/no-syslog
"""
STORE = """
[pipeline:main]
pipeline = {name}-server

[app:{name}-server]
use = egg:swift#{name}
"""
PROXY = """
[pipeline:main]
pipeline = catch_errors gatekeeper proxy-logging cache listing_formats bulk s3api tempauth slo proxy-logging proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:tempauth]
use = egg:swift#tempauth
user_taet_tester = toysecret .admin

[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1

[filter:proxy-logging]
use = egg:swift#proxy_logging

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached}
""" + "".join(
    f"\n[filter:{name}]\nuse = egg:swift#{name}\n"
    for name in ("catch_errors", "gatekeeper", "listing_formats", "bulk", "slo")
)


class Swift:
    """A bucket of an S3-compatible service; everything lies in ``base``."""

    title = "S3 and compatible services"
    example = "s3://taet/results"
    unseen = False

    def __init__(self, base: Path) -> None:
        from botocore.session import get_session  # comes with dvc-s3

        (base / "devices/disk").mkdir(parents=True)
        self._base = base
        names = (*SERVERS, "memcached")
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        for name in SERVERS:
            text = (COMMON + (PROXY if name == "proxy" else STORE)).format(
                name=name,
                port=self._ports[name],
                memcached=self._ports["memcached"],
                user=getpass.getuser(),
                base=base,
            )
            (base / f"{name}-server.conf").write_text(text)
        (base / "swift.conf").write_text(HASHES)
        ports = [str(self._ports[name]) for name in SERVERS[:3]]
        subprocess.run([PYTHON, "-c", RINGS, str(base), *ports], check=True)
        address = f"http://127.0.0.1:{self._ports['proxy']}"
        self.words = {
            "https://s3.example.org": address, "ACCESS_KEY": ACCESS_KEY, "SECRET_KEY": SECRET_KEY,
        }  # fmt: skip
        self.up()
        self._client = get_session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=address,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        self._client.create_bucket(Bucket=BUCKET)

    @staticmethod
    def needs() -> dict[str, bool]:
        programs = [*(f"swift-{name}-server" for name in SERVERS), "memcached"]
        packages = " ".join(name.removesuffix("-server") for name in programs)
        return {
            f"apt-get install --no-install-recommends {packages}": all(map(shutil.which, programs)),
            "pip install -e '.[remotes]'": find_spec("dvc_s3") is not None,
        }

    def url(self, folder: str) -> str:
        return f"s3://{BUCKET}/{folder}"

    def objects(self, folder: str) -> set[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix=f"{folder}/"
        )
        found = (one["Key"] for page in pages for one in page.get("Contents", []))
        return {key.removeprefix(f"{folder}/") for key in found}

    def replace(self, folder: str, name: str, data: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=f"{folder}/{name}", Body=data)

    def remove(self, folder: str, name: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=f"{folder}/{name}")

    def down(self) -> None:
        processes.stop(self._servers)

    def up(self) -> None:
        log = self._base / "log"
        memcached = ["memcached", "-l", "127.0.0.1", "-p", str(self._ports["memcached"])]
        commands = [
            [*memcached, "-U", "0", "-u", getpass.getuser()],
            *([PYTHON, "-c", SERVER, str(self._base), name] for name in SERVERS),
        ]
        self._servers = [processes.start(command, log) for command in commands]
        processes.wait_until(
            lambda: all(map(processes.listens, self._ports.values())), self._servers, log
        )

"""The tests of SLURM from nothing, with what happens told on the way:

python -m tests.cluster
"""

import signal
import sys
import tempfile
from pathlib import Path

from tests.cluster.slurm import Cluster, missing
from tests.cluster.story import ACCIDENTS, STUDY, Run, compare


def main() -> int:
    if reason := missing():
        print(f"cannot start a cluster: {reason}")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    with tempfile.TemporaryDirectory(prefix="taet-slurm-") as name:
        folder = Path(name)
        print(f"study {STUDY} on this machine alone", flush=True)
        local = Run(folder / "local", STUDY)
        local.locally()
        same = True
        with Cluster(folder / "slurm") as cluster:
            for accident in ACCIDENTS:
                print(
                    f"on two nodes of SLURM: {(accident.__doc__ or '').splitlines()[0]}", flush=True
                )
                run = Run(folder / accident.__name__, STUDY)
                accident(cluster, run, lambda text: print(text, flush=True))
                same &= compare(local, run, print)
    print("byte-identical" if same else "NOT the same")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

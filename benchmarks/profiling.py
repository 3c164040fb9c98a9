"""Where the host's time goes under load: its main process and one worker, sampled by py-spy.

    python -m benchmarks.profiling

py-spy is installed below the cache folder. It may have to be allowed to look at other processes (root, or kernel.yama.ptrace_scope=0).
"""

import argparse
import asyncio
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks import processes
from benchmarks.host_under_load import ROOT, RunningHost
from benchmarks.measuring import decide_all, start_all
from benchmarks.peers.installing import Needs, install

IDLE = ("_worker (concurrent/futures", "ThreadedChildWatcher._do_waitpid", "EpollSelector.select", "end_with_the_main_process")
"""Where a thread waits for work: py-spy takes some of that for work."""

PY_SPY = Needs("py-spy", ("py-spy==0.4.3",))


async def profile(options: argparse.Namespace) -> None:
    """Load and sample; one table a process."""
    py_spy = install(PY_SPY, options.cache.resolve()) / "bin/py-spy"
    with tempfile.TemporaryDirectory(dir=options.cache.resolve()) as folder:
        async with RunningHost(Path(folder) / "state", options.workers, options.plain_sdk) as host:
            await start_all(host, 100, "warm-")
            await decide_all(host, 100, "warm-")
            main, *workers = host.family()
            before = [processes.cpu_seconds([main]), processes.cpu_seconds(workers)]
            watchers = [_watch(py_spy, process, Path(folder) / name) for name, process in (("main", main), ("worker", workers[0]))]
            await asyncio.sleep(1)
            await start_all(host, options.instances, "load-")
            await decide_all(host, options.instances, "load-")
            spent = [processes.cpu_seconds([main]) - before[0], processes.cpu_seconds(workers) - before[1]]
            for watcher in watchers:
                watcher.send_signal(2)
                watcher.wait(60)
        print(f"CPU an approval: main process {spent[0] / options.instances * 1000:.2f} ms, ", end="")
        print(f"{len(workers)} workers {spent[1] / options.instances * 1000:.2f} ms")
        for name in ("main", "worker"):
            _show(name, Path(folder) / name, options.top)


def _watch(py_spy: Path, process: int, to: Path) -> "subprocess.Popen[bytes]":
    command = [str(py_spy), "record", "--pid", str(process), "--format", "raw", "--function", "--rate", "200", "--duration", "600"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen([*command, "--output", str(to)], stdout=quiet, stderr=quiet)


def _show(name: str, samples: Path, top: int) -> None:
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in samples.read_text("utf-8").splitlines():
        stack, count = line.rsplit(" ", 1)
        frames = [frame.replace(f"{ROOT}/", "").split("site-packages/")[-1] for frame in stack.split(";")]
        if frames[-1].startswith(IDLE):
            continue
        own[frames[-1]] += int(count)
        for frame in set(frames):
            within[frame] += int(count)
    total = own.total() or 1
    print(f"\n{name}, {total} samples\n\n| own | | with what it calls | |\n|---|---|---|---|")
    for (mine, few), (its, many) in zip(own.most_common(top), within.most_common(top), strict=False):
        print(f"| {100 * few / total:.1f} % | {mine} | {100 * many / total:.1f} % | {its} |")


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiling", description=__doc__)
    parser.add_argument("--instances", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--top", type=int, default=25)
    parser.add_argument("--plain-sdk", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path(".cache/benchmarks"))
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    asyncio.run(profile(options))


if __name__ == "__main__":
    main()

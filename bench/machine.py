"""Description of the machine that runs the bench, for a table."""

import datetime
import os
import platform
import re
from pathlib import Path

# Instruction sets that determine the speed of float and integer products.
FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")


def describe() -> dict[str, str]:
    """Properties of the machine, by name."""
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    flags_line = re.search(r"^flags\s*:\s*(.+)$", info, re.MULTILINE)
    flags = set(flags_line[1].split()) if flags_line else set()
    return {
        "processor": model[1] if model else platform.processor() or platform.machine(),
        "instructions": ", ".join(f if f in flags else f"no {f}" for f in FLAGS),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def busy() -> float:
    """Load average of the last minute; load from other processes makes results noisy."""
    return os.getloadavg()[0]

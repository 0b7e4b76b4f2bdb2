"""Use up what the machine has: time, memory, disk, threads, output. A limit that ends the box is what should happen."""

from __future__ import annotations

from tests.attacks.attack import Attack

DISK_UNBOUNDED = "total disk use is not bounded"
THREADS_UNBOUNDED = "number of threads is not bounded"


def _attack(name: str, tries: str, body: str, **rest: object) -> Attack:
    return Attack(name, "budget", tries, body, **rest)  # type: ignore[arg-type]


ATTACKS = (
    _attack("endless_loop", "never return", "while True: pass", cpu_s=1),
    _attack("sleep_for_ever", "wait without using the processor", "time.sleep(3600)", wall_s=2),
    _attack("stop_itself", "stop without ending", "os.kill(os.getpid(), 19); time.sleep(3600)", wall_s=2),
    _attack("loop_in_c", "stay in C code that no signal handler interrupts", "10 ** (10 ** 9)", cpu_s=1),
    _attack(
        "regular_expression",
        "a regular expression that takes for ever",
        "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
        cpu_s=1,
    ),
    _attack(
        "ignore_every_signal",
        "ignore whatever asks to stop",
        """
        import signal
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGXCPU):
            signal.signal(number, signal.SIG_IGN)
        while True:
            try:
                sum(range(10 ** 6))
            except BaseException:
                pass
        """,
        cpu_s=1,
    ),
    _attack(
        "thread_that_stays",
        "a thread that keeps the interpreter from ending",
        "import threading; threading.Thread(target=time.sleep, args=(3600,)).start()",
        wall_s=2,
    ),
    _attack("exit_hook", "stay while leaving", "import atexit; atexit.register(time.sleep, 3600)", wall_s=2),
    _attack(
        "burn_all_cores",
        "more processor time than granted, in threads",
        """
        import hashlib, threading
        def burn():
            while True: hashlib.sha256(bytes(1 << 20)).digest()
        for _ in range(8): threading.Thread(target=burn, daemon=True).start()
        burn()
        """,
        cpu_s=2,
    ),
    _attack(
        "memory",
        "touch more memory than granted",
        """
        held = []
        for _ in range(64):
            held.append(bytearray(64 << 20)); held[-1][::4096] = bytes([1]) * (64 << 8)
        won("4 GiB")
        """,
    ),
    _attack("memory_at_once", "allocate a terabyte", "won(len(bytearray(1 << 40)))"),
    _attack("memory_mapped", "map memory that nothing counts", "import mmap; won(len(mmap.mmap(-1, 1 << 36, flags=0x4022)))"),
    _attack(
        "memory_in_memfd",
        "memory in a file that isn't one",
        "fd = os.memfd_create('x')\nfor _ in range(64): os.write(fd, bytes(64 << 20))\nwon('4 GiB')",
    ),
    _attack("memory_in_shared_segment", "System V shared memory", "won(called(libc.shmget(0, 1 << 30, 0o1600)))"),
    _attack(
        "memory_in_pipes",
        "fill the kernel's pipe buffers",
        """
        import fcntl
        total = 0
        for _ in range(2000):
            r, w = os.pipe(); os.set_blocking(w, False)
            try:
                fcntl.fcntl(w, 1031, 1 << 20)
            except OSError:
                pass
            total += os.write(w, bytes(1 << 20))
        won(total)
        """,
    ),
    _attack("locked_memory", "keep memory from being paged out", "called(libc.mlockall(3)); won('locked')"),
    _attack(
        "torch_terabyte",
        "one expression that allocates a terabyte",
        "import torch; won(torch.zeros(1 << 38).shape)",
        torch=True,
    ),
    _attack("deep_recursion", "overflow the stack", "sys.setrecursionlimit(1 << 30)\ndef f(): f()\nf()", cpu_s=2),
    _attack(
        "fork_bomb",
        "as many processes as there can be",
        """
        children = 0
        for _ in range(40):
            if os.fork() == 0:
                time.sleep(5); os._exit(0)
            children += 1
        won(children, "processes")
        """,
    ),
    _attack(
        "thread_bomb",
        "thousands of threads",
        """
        import threading
        done = threading.Event()
        for number in range(3000): threading.Thread(target=done.wait, daemon=True).start()
        won(number, "threads")
        """,
        gap=THREADS_UNBOUNDED,
    ),
    _attack("open_files", "thousands of open files", "held = [os.dup(1) for _ in range(5000)]; won(len(held))"),
    _attack(
        "timers",
        "thousands of kernel timers",
        "t = ctypes.c_void_p()\nfor n in range(200000): raw(222, 107, 0, None, ctypes.byref(t))\nwon(n)",
    ),
    _attack(
        "fill_the_disk",
        "fill the disk with files of the allowed size",
        """
        block, total = bytes(4 << 20), 0
        for number in range(64):
            with open(f"fill{number}", "wb") as file: total += file.write(block)
        won(total >> 20, "MiB")
        """,
        gap=DISK_UNBOUNDED,
    ),
    _attack(
        "one_large_file",
        "one file larger than allowed",
        """
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with open("big", "wb", 0) as file:
            for _ in range(64): file.write(bytes(4 << 20))
        won("256 MiB")
        """,
    ),
    _attack(
        "sparse_file",
        "a file of a terabyte without a byte in it",
        "os.ftruncate(os.open('sparse', os.O_RDWR | os.O_CREAT), 1 << 40); won(os.stat('sparse').st_size)",
    ),
    _attack(
        "preallocate",
        "reserve the disk without writing",
        "os.posix_fallocate(os.open('big', os.O_RDWR | os.O_CREAT), 0, 1 << 32); won('4 GiB')",
    ),
    _attack(
        "many_files",
        "all the inodes there are",
        "for n in range(20000): open(f'f{n}', 'w').close()\nwon(n, 'files')",
        gap=DISK_UNBOUNDED,
    ),
    _attack(
        "raise_limits",
        "take the limits off",
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1)); won('raised')",
    ),
    _attack("flood_of_prints", "gigabytes of text", "line = 'A' * 65536\nwhile True: print(line)", cpu_s=2, wall_s=3),
    _attack(
        "flood_of_bytes",
        "the same on both descriptors",
        "block = b'A' * 65536\nwhile True: os.write(1, block); os.write(2, block)",
        cpu_s=2,
    ),
    _attack("core_dump", "leave a core file of all memory", "os.abort()"),
    _attack(
        "busy_kernel",
        "keep the kernel busy with paths",
        "p = 'a/../' * 800 + 'b'\nos.mkdir('a')\nwhile True: os.path.exists(p)",
        cpu_s=1,
    ),
    _attack(
        "last_to_be_killed",
        "be spared when memory runs out",
        "open('/proc/self/oom_score_adj', 'w').write('-1000'); won('spared')",
    ),
    _attack(
        "poison_memory",
        "have the kernel take a page for broken",
        """
        import mmap
        page = mmap.mmap(-1, 4096)
        called(libc.madvise(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(page))), ctypes.c_size_t(4096), 100))
        won("poisoned")
        """,
    ),
    _attack(
        "youngest_calls",
        "system calls that are younger than any list",
        """
        answers = []
        for number in range(450, 500):
            ctypes.set_errno(0)
            libc.syscall(ctypes.c_long(number), 0, 0, 0, 0, 0, 0)
            answers += [number] if ctypes.get_errno() != errno.ENOSYS else []
        won(answers) if answers else no("no such calls")
        """,
    ),
)

"""Get at a secret of the host: its key, its memory, what it left open."""

from __future__ import annotations

from tests.attacks.attack import Attack


def _attack(name: str, tries: str, body: str, **rest: object) -> Attack:
    return Attack(name, "secret", tries, body, **rest)  # type: ignore[arg-type]


ATTACKS = (
    _attack(
        "own_environment", "read keys from the environment", "print(dict(os.environ)); print(open('/proc/self/environ').read())"
    ),
    _attack("environment_of_parent", "read the parent's environment", "print(open(f'/proc/{os.getppid()}/environ').read())"),
    _attack("environment_of_init", "read process 1's environment", "print(open('/proc/1/environ').read())"),
    _attack("environment_of_host", "read the host's environment", "print(open(f'/proc/{CANARY[\"host\"]}/environ').read())"),
    _attack(
        "environments_of_all",
        "read every process's environment and command line",
        """
        for pid in [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]:
            for what in ("environ", "cmdline"):
                try:
                    print(open(f"/proc/{pid}/{what}").read())
                except OSError as error:
                    no(error)
        """,
    ),
    _attack(
        "auxv_and_stack",
        "search the own memory for what the launcher left",
        """
        for line in open("/proc/self/maps"):
            if "stack" in line:
                low, high = (int(x, 16) for x in line.split()[0].split("-"))
                print(ctypes.string_at(low, high - low).replace(bytes(1), b" ")[-8000:])
        """,
    ),
    _attack(
        "inherited_descriptors",
        "use what the parent left open",
        """
        for fd in range(3, 256):
            try:
                print(fd, os.readlink(f"/proc/self/fd/{fd}"), os.pread(fd, 200, 0))
            except OSError:
                pass
        """,
    ),
    _attack("standard_input", "read what is typed", "print(os.read(0, 1000)); raise OSError('nothing on standard input')"),
    _attack(
        "terminal",
        "type on the user's terminal (TIOCSTI)",
        """
        import fcntl
        for fd in (0, 1, 2):
            try:
                fcntl.ioctl(fd, 0x5412, b"#")
                won("typed on", fd)
            except OSError as error:
                no(error)
        os.open("/dev/tty", os.O_RDWR)
        won("opened /dev/tty")
        """,
    ),
    _attack("keyring", "read the kernel's keyring", "won(raw(250, 219, 0, -3, 0))"),
    _attack("request_key", "ask for a key", "won(raw(249, 218, b'user', b'canary', None, 0))"),
    _attack(
        "memory_of_parent",
        "read the parent's memory",
        "open(f'/proc/{os.getppid()}/mem', 'rb'); won('opened')",
    ),
    _attack(
        "read_victim_with_a_system_call",
        "process_vm_readv on another process",
        """
        buffer = ctypes.create_string_buffer(8)
        local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
        remote = (ctypes.c_size_t * 2)(0x400000, 8)
        raw(310, 270, CANARY["victim"], local, 1, remote, 1, 0)
        won(buffer.raw)
        """,
    ),
    _attack("trace_victim", "attach to another process", "called(libc.ptrace(16, CANARY['victim'], 0, 0)); won('attached')"),
    _attack("seize_parent", "attach to the parent", "called(libc.ptrace(0x4206, os.getppid(), 0, 0)); won('attached')"),
    _attack(
        "steal_descriptor",
        "copy another process's open file (pidfd_getfd)",
        "won(os.read(raw(438, 438, raw(434, 434, CANARY['victim'], 0), 0, 0), 100))",
    ),
    _attack(
        "kernel_log",
        "read the kernel's log",
        "buffer = ctypes.create_string_buffer(4096); won(called(libc.klogctl(3, buffer, 4096)))",
    ),
    _attack(
        "performance_events",
        "watch the machine with perf",
        "won(raw(298, 241, ctypes.create_string_buffer(128), 0, -1, -1, 0))",
    ),
    _attack("load_bpf", "run code in the kernel", "won(raw(321, 280, 0, ctypes.create_string_buffer(128), 128))"),
    _attack("userfault", "stop the kernel with a page fault", "won(raw(323, 282, 0))"),
    _attack(
        "watch_files", "watch what others open", "won(called(libc.inotify_add_watch(called(libc.inotify_init()), b'/', 0x20)))"
    ),
    _attack("system_v_memory", "list shared memory of others", "won(called(libc.shmget(0x51, 4096, 0o1600)))"),
    _attack("message_queue", "open a queue that others read", "won(raw(240, 180, b'canary', 0o102, 0o600, None))"),
)

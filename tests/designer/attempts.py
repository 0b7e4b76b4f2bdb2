"""A worker's verb that tries every wall of its box, with the means that a candidate's code would have. Copied into a box.

Each attempt ends with "done: ..." where it reached its goal, or with the name of the error that stopped it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)


def run(job, files, output):
    """Try everything, and then whether honest work still goes on."""
    names = [name for name in globals() if name.startswith(("try_", "work_"))]
    output.result("ok", tried={name: attempt(globals()[name], job) for name in names})


def attempt(action, job):
    try:
        return f"done: {action(job)}"
    except (OSError, RuntimeError, ValueError) as error:
        return errno.errorcode.get(getattr(error, "errno", None), type(error).__name__)


def called(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def try_read_passwd(job):
    return open("/etc/passwd").read(20)


def try_read_secret(job):
    return open(job["secret"]).read()


def try_list_root(job):
    return os.listdir("/")


def try_list_home(job):
    return os.listdir(os.path.dirname(job["secret"]))


def try_read_hosts_environment(job):
    return open(f"/proc/{job['host_pid']}/environ", "rb").read(20)


def try_read_parents_memory(job):
    return open(f"/proc/{os.getppid()}/mem", "rb").fileno()


def try_write_outside(job):
    return open(os.path.dirname(job["secret"]) + "/written", "w").write("x")


def try_write_tmp(job):
    return open("/tmp/written-by-a-box", "w").write("x")


def try_write_shared_memory(job):
    return open("/dev/shm/written-by-a-box", "w").write("x")


def try_overwrite_code(job):
    return open(__file__, "a").write("#")


def try_overwrite_job(job):
    return open(job["folder"] + "/job.json", "a").write("#")


def try_plant_in_packages(job):
    return open(os.path.dirname(os.__file__) + "/planted.pth", "w").write("import os")


def try_open_memory_device(job):
    return os.open("/dev/mem", os.O_RDONLY)


def try_open_disk(job):
    return [os.open("/dev/" + name, os.O_RDONLY) for name in ("vda", "sda", "nvme0n1", "kmsg")]


def try_write_kernel_setting(job):
    return open("/proc/sys/kernel/core_pattern", "w").write("|/bin/sh")


def try_change_mode(job):
    os.chmod(job["secret"], 0o777)


def try_link_secret(job):
    os.link(job["secret"], "stolen")


def try_symlink(job):
    os.symlink(job["secret"], "stolen")


def try_device_node(job):
    os.mknod("node", 0o020666, os.makedev(1, 5))


def try_pipe_node(job):
    os.mkfifo("node")


def try_inherited_files(job):
    extra = []
    for number in range(256):
        try:
            os.fstat(number)
            extra.append(number)
        except OSError:
            continue
    if len(extra) <= 4:  # standard input, output and error, and the stream
        raise OSError(errno.EBADF, "nothing more is open")
    return extra


def try_socket(job):
    return socket.socket()


def try_connect(job):
    return socket.create_connection(("127.0.0.1", job["port"]), timeout=5)


def try_unix_socket(job):
    return socket.socketpair()


def try_start_a_program(job):
    return subprocess.run([sys.executable, "-c", ""], check=False)


def try_shell(job):
    return called(-1 if LIBC.system(b"exit 0") else 0)


def try_exec(job):
    os.execv(sys.executable, ["x"])


def try_fork(job):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return pid


def try_vfork(job):
    return called(LIBC.syscall(ctypes.c_long(58 if os.uname().machine == "x86_64" else 220), ctypes.c_long(0x4111)))


def try_clone3(job):
    return called(LIBC.syscall(ctypes.c_long(435), None, ctypes.c_long(0)))


def try_signal_parent(job):
    os.kill(os.getppid(), 0)


def try_signal_host(job):
    os.kill(job["host_pid"], 0)


def try_signal_everybody(job):
    os.kill(-1, 0)


def try_trace_parent(job):
    return called(LIBC.ptrace(16, os.getppid(), None, None))


def try_own_parents_signals(job):
    import fcntl

    reading, _ = os.pipe()
    return fcntl.fcntl(reading, fcntl.F_SETOWN, os.getppid())


def try_new_namespaces(job):
    return called(LIBC.unshare(0x10000000))


def try_mount(job):
    return called(LIBC.mount(b"none", b".", b"tmpfs", 0, None))


def try_become_root(job):
    os.setuid(0)


def try_keyring(job):
    return called(LIBC.syscall(ctypes.c_long(250 if os.uname().machine == "x86_64" else 219), 0, -3, 0))


def try_hidden_memory(job):
    return os.memfd_create("hidden")


def try_system_v_memory(job):
    return called(LIBC.shmget(0, 1 << 20, 0o1600))


def try_raise_limits(job):
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (100_000, 100_000))


def try_fill_the_disk(job):
    if not job["namespaces"]:
        raise OSError(errno.ENOTSUP, "not bounded, and the walls say so")
    for number in range(100):
        with open(f"fill-{number}", "wb") as file:
            file.write(bytes(job["file_bytes"] // 2))


def try_many_files(job):
    for name in os.listdir("."):
        os.remove(name)
    if not job["files_bounded"]:
        raise OSError(errno.ENOTSUP, "not bounded, and the walls say so")
    for number in range(20_000):
        open(f"many-{number}", "w").close()


def try_thread_bomb(job):
    if job["threads_unbounded"]:
        raise OSError(errno.ENOTSUP, "not bounded, and the walls say so")
    done = threading.Event()
    threads = []
    try:
        for _ in range(3000):
            threads.append(threading.Thread(target=done.wait))
            threads[-1].start()
    finally:
        done.set()
        for thread in threads[:-1]:
            thread.join()
    return len(threads)


def work_with_files(job):
    for name in os.listdir("."):
        os.remove(name)
    with open("own", "w") as file:
        file.write("mine")
    os.rename("own", "renamed")
    with open("renamed") as file:
        content = file.read()
    os.remove("renamed")
    return content


def work_with_threads(job):
    answers = []
    threads = [threading.Thread(target=answers.append, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)


def work_with_time_and_randomness(job):
    time.sleep(0.001)
    return len(os.urandom(8)) + (time.monotonic() > 0)


def work_with_late_imports(job):
    import decimal
    import sqlite3

    return decimal.Decimal(1) + len(sqlite3.sqlite_version[:1])


def work_with_its_own_signals(job):
    got = []
    signal.signal(signal.SIGUSR1, lambda *_: got.append(1))
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.01)
    return got

"""Become more than one process, another program, another user, or do something to one that isn't ours."""

from __future__ import annotations

from tests.attacks.attack import Attack


def _attack(name: str, tries: str, body: str, **rest: object) -> Attack:
    return Attack(name, "subprocess", tries, body, **rest)  # type: ignore[arg-type]


ATTACKS = (
    _attack("fork", "fork", "pid = os.fork()\nif pid == 0: os._exit(0)\nwon('forked')"),
    _attack("vfork", "vfork by its number (fork on aarch64)", "raw(58, 220, 0x4111)\nwon('forked')"),
    _attack("clone", "clone by its number", "pid = raw(56, 220, 17, 0, 0, 0, 0)\nif pid == 0: os._exit(0)\nwon('cloned')"),
    _attack(
        "clone3",
        "clone3, whose flags no filter sees",
        "arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17)\npid = raw(435, 435, arguments, 88)\nif pid == 0: os._exit(0)\nwon('cloned')",
    ),
    _attack(
        "thread_that_is_a_process", "clone with memory shared, no thread", "raw(56, 220, 0x100, 0, 0, 0, 0)\nwon('cloned')"
    ),
    _attack(
        "execute", "become another program", "os.execv(sys.executable, [sys.executable, '-c', 'print(\"PWNED executed\")'])"
    ),
    _attack(
        "execute_by_descriptor",
        "execveat an open file",
        "fd = os.open(sys.executable, os.O_RDONLY); os.execve(fd, ['x', '-c', 'print(\"PWNED executed\")'], {})",
    ),
    _attack("shell", "start a shell", "won('shell') if libc.system(b'exit 7') == 7 * 256 else no('no shell')"),
    _attack(
        "run_a_command",
        "start a program",
        "import subprocess; subprocess.run([sys.executable, '-c', ''], check=True); won('ran')",
    ),
    _attack("spawn", "posix_spawn", "os.posix_spawn(sys.executable, [sys.executable, '-c', ''], {}); won('spawned')"),
    _attack(
        "compile_native",
        "compile and run native code",
        "import subprocess; open('a.c', 'w').write('int main(){return 42;}'); subprocess.run(['cc', 'a.c'], check=True); won('compiled')",
    ),
    _attack(
        "execute_from_memory",
        "execute a program that is no file",
        "fd = os.memfd_create('x'); os.write(fd, open(os.path.realpath(sys.executable), 'rb').read()); os.execve(fd, ['x', '-c', 'print(\"PWNED executed\")'], {})",
    ),
    _attack(
        "loader",
        "run a program through the dynamic loader",
        "os.execv('/lib64/ld-linux-x86-64.so.2', ['ld', sys.executable, '-c', 'print(\"PWNED executed\")'])",
    ),
    _attack(
        "multiprocessing",
        "a pool of processes",
        "import multiprocessing; p = multiprocessing.get_context('fork').Process(target=print); p.start(); won('started')",
    ),
    _attack(
        "detached_daemon",
        "leave a daemon behind",
        "if os.fork() == 0:\n    os.setsid()\n    time.sleep(120)\nwon('left behind')",
    ),
    _attack("kill_victim", "kill a process of the same user", "os.kill(CANARY['victim'], 9); won('killed')"),
    _attack(
        "thread_signal",
        "tgkill a process of the same user",
        "raw(234, 131, CANARY['victim'], CANARY['victim'], 9); won('killed')",
    ),
    _attack(
        "queued_signal",
        "rt_sigqueueinfo to another process",
        "raw(129, 138, CANARY['victim'], 9, ctypes.create_string_buffer(128)); won('killed')",
    ),
    _attack(
        "signal_by_descriptor",
        "signal through a pidfd",
        "raw(424, 424, raw(434, 434, CANARY['victim'], 0), 9, None, 0); won('killed')",
    ),
    _attack("signal_host", "signal the host (number 0 only)", "os.kill(CANARY['host'], 0); won('reached the host')"),
    _attack("signal_parent", "end the launcher", "os.kill(os.getppid(), 15); won('signalled')"),
    _attack("signal_everybody", "signal every process (number 0 only)", "os.kill(-1, 0); won('reached')"),
    _attack(
        "signal_group", "signal the parent's group (number 0 only)", "os.killpg(os.getpgid(os.getppid()), 0); won('reached')"
    ),
    _attack(
        "signal_by_owner",
        "have the kernel signal another process",
        "import fcntl; r, w = os.pipe(); fcntl.fcntl(r, 8, CANARY['victim']); won('owner set')",
    ),
    _attack(
        "count_processes",
        "see other processes",
        "others = [p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid(), os.getppid())]\nwon(len(others)) if others else no('none')",
    ),
    _attack(
        "time_of_victim",
        "read another process's clock, which says that it lives and works",
        "won(time.clock_gettime((~CANARY['victim'] << 3) | 2))",
    ),
    _attack(
        "timer_on_victim",
        "be woken by what another process does",
        "t = ctypes.c_int(); raw(222, 107, (~CANARY['victim'] << 3) | 2, None, ctypes.byref(t)); won(t.value)",
    ),
    _attack(
        "signs_of_victim",
        "ask for another process's group, session, cores, scheduling, priority and capabilities",
        """
        pid = CANARY["victim"]
        def capabilities():
            sets = ctypes.create_string_buffer(24)
            return raw(125, 90, ctypes.byref((ctypes.c_uint32 * 2)(0x20080522, pid)), sets), sets.raw
        for ask in (
            lambda: os.getpgid(pid), lambda: os.getsid(pid), lambda: os.sched_getaffinity(pid), lambda: os.sched_getscheduler(pid),
            lambda: os.sched_getparam(pid), lambda: os.getpriority(os.PRIO_PROCESS, pid), capabilities,
        ):
            try:
                won(ask())
            except OSError as error:
                no(error)
        """,
    ),
    _attack(
        "priorities_of_user",
        "learn how busy a user's other processes are set",
        "won(os.getpriority(os.PRIO_USER, 0))",
    ),
    _attack(
        "limits_of_victim",
        "change another process's limits",
        "import resource; resource.prlimit(CANARY['victim'], resource.RLIMIT_CPU, (1, 1)); won('changed')",
    ),
    _attack("pin_victim", "move another process to one core", "os.sched_setaffinity(CANARY['victim'], {0}); won('moved')"),
    _attack(
        "priority_of_victim",
        "slow another process down",
        "os.setpriority(os.PRIO_PROCESS, CANARY['victim'], 19); won('slowed')",
    ),
    _attack("own_priority", "take the machine for oneself", "os.setpriority(os.PRIO_PROCESS, 0, -20); won('raised')"),
    _attack("new_user_namespace", "become root in a namespace", "called(libc.unshare(0x10000000)); won('root in a namespace')"),
    _attack(
        "join_namespace",
        "join another process's namespace",
        "called(libc.setns(os.open(f'/proc/{CANARY[\"victim\"]}/ns/mnt', os.O_RDONLY), 0)); won('joined')",
    ),
    _attack(
        "become_root",
        "setuid(0), or any other user",
        "if os.getuid() == 0: os.setuid(65534)\nelse: os.setuid(0)\nwon('changed')",
    ),
    _attack(
        "capabilities",
        "take capabilities",
        "header = (ctypes.c_uint32 * 2)(0x20080522, 0); data = (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6); raw(126, 91, header, data); won('taken')",
    ),
    _attack("host_name", "rename the machine", "called(libc.sethostname(b'pwned', 5)); won('renamed')"),
    _attack("reboot", "reach reboot (with arguments that do nothing)", "raw(169, 142, 0, 0, 0, None); won('reached')"),
    _attack("load_module", "load a kernel module", "raw(313, 273, -1, b'', 0); won('loaded')"),
    _attack(
        "port_access", "talk to hardware ports", "raw(172, 64, 3) if X86 else no('no ports'); won('allowed') if X86 else None"
    ),
    _attack("personality", "turn off address randomisation", "called(libc.personality(0x0040000)); won('changed')"),
    _attack(
        "undo_filter",
        "put a filter of one's own on top",
        "raw(317, 277, 1, 0, ctypes.create_string_buffer(16)); won('changed')",
    ),
    _attack(
        "old_interface",
        "system calls of 32 bits (int 0x80)",
        """
        if not X86:
            raise OSError("no 32-bit interface")
        import mmap
        code = mmap.mmap(-1, 4096, prot=7)
        code.write(b"\\xb8\\x02\\x00\\x00\\x00\\xcd\\x80\\xc3")  # fork
        pid = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
        if pid == 0: os._exit(0)
        won("forked", pid) if pid > 0 else no(os.strerror(-pid))
        """,
    ),
    _attack(
        "x32_interface", "system calls with the x32 bit", "raw(0x40000039, 220) if X86 else no('no x32')\nif X86: won('forked')"
    ),
    _attack(
        "own_machine_code",
        "map writable code and call what the filter forbids",
        """
        if not X86:
            raise OSError("written for x86_64")
        import mmap
        code = mmap.mmap(-1, 4096, prot=7)
        code.write(b"\\xb8\\x39\\x00\\x00\\x00\\x0f\\x05\\xc3")  # fork
        pid = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
        if pid == 0: os._exit(0)
        won("forked", pid) if pid > 0 else no(os.strerror(-pid))
        """,
    ),
    _attack(
        "patch_libc",
        "make the C library's code writable and overwrite a guard",
        """
        page = ctypes.cast(libc.getpid, ctypes.c_void_p).value & ~4095
        called(libc.mprotect(ctypes.c_void_p(page), 4096, 7))
        os.kill(CANARY["victim"], 9)  # whatever is patched in this process, the kernel's filter stays
        won("killed")
        """,
    ),
    _attack(
        "torch_extension",
        "compile an extension with torch",
        "import torch.utils.cpp_extension as c; c.verify_ninja_availability = lambda: None; c.load_inline('x', 'int f() { return 1; }'); won('compiled')",
        torch=True,
    ),
    _attack(
        "torch_workers",
        "a data loader with processes",
        "import torch; from torch.utils.data import DataLoader; list(DataLoader([1, 2], num_workers=1, generator=torch.Generator())); won('started')",
        torch=True,
    ),
    _attack(
        "torch_os", "start a program through torch.os", "import torch; torch.os.popen('true').read(); won('ran')", torch=True
    ),
)

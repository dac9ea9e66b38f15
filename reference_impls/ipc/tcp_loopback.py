"""A TCP connection over the loopback interface, TCP_NODELAY; a reader sleeps in the kernel until a message comes."""

import socket

from tickbench.components.ipc import contract
from tickbench.components.ipc.streams import socket_endpoint
from tickbench.registry import variant


def _connected() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    for one in (ours, theirs):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # send each message at once
    return ours, theirs


@variant("ipc", runtime="native", example_of="TCP over loopback without delay, blocking reads", capabilities=("blocking",))
def tcp_loopback(config: contract.IpcConfig) -> contract.Endpoint:
    """Make one end."""
    return socket_endpoint(config, _connected, blocking=True)

"""A pair of connected Unix stream sockets that never block: both sides ask again and again."""

from socket import socketpair

from tickbench.components.ipc import contract
from tickbench.components.ipc.streams import socket_endpoint
from tickbench.registry import variant


@variant("ipc", runtime="native", example_of="Unix stream socket, polled without sleeping", capabilities=("spinning",))
def unix_socket_spinning(config: contract.IpcConfig) -> contract.Endpoint:
    """Make one end."""
    return socket_endpoint(config, socketpair, blocking=False)

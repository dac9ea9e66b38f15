"""A pair of connected Unix stream sockets; a reader sleeps in the kernel until a message comes."""

from socket import socketpair

from tickbench.components.ipc import contract
from tickbench.components.ipc.streams import socket_endpoint
from tickbench.registry import variant


@variant("ipc", runtime="native", example_of="Unix stream socket, blocking reads", capabilities=("blocking",), reference=True)
def unix_socket(config: contract.IpcConfig) -> contract.Endpoint:
    """Make one end."""
    return socket_endpoint(config, socketpair, blocking=True)

"""A session of libtorrent that maps ports until SIGTERM. Arguments: interfaces to listen on, TCP port, UDP port.

Prints a line for each mapping granted: "ADDRESS PROTOCOL PORT for SECONDS by CARRIER".
"""

import re
import signal
import sys
import time

import libtorrent

interfaces, tcp_port, udp_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
session = libtorrent.session(
    {
        "listen_interfaces": interfaces,
        "alert_mask": libtorrent.alert.category_t.port_mapping_notification
        | libtorrent.alert.category_t.port_mapping_log_notification,
        "enable_natpmp": True,
        "enable_upnp": False,
        "enable_dht": False,
        "enable_lsd": False,
    }
)

running = True


def end(_signal, _frame):
    global running
    running = False


signal.signal(signal.SIGTERM, end)
mappings = session.add_port_mapping(libtorrent.portmap_protocol.tcp, tcp_port, tcp_port)
mappings += session.add_port_mapping(libtorrent.portmap_protocol.udp, udp_port, udp_port)

# How its log tells what it received: "NAT-PMP [ADDRESS]: <== port map [ transport: PCP protocol: tcp local: ..."
received = re.compile(r"\[([^]]+)\]: <== port map \[ transport: (\S+) protocol: (\w+) local: \d+ external: (\d+) ttl: (\d+)")


def show(goes_on):
    while goes_on():
        session.wait_for_alert(50)
        for alert in session.pop_alerts():
            if match := received.search(alert.message()):
                address, carrier, protocol, external, lifetime = match.groups()
                print(address, protocol.upper(), external, "for", lifetime, "by", carrier, flush=True)
            elif isinstance(alert, libtorrent.portmap_error_alert):
                print("refused:", alert.message(), flush=True)


show(lambda: running)
for mapping in mappings:
    session.delete_port_mapping(mapping)
# What ends is told like what begins, with a lifetime of 0.
deadline = time.monotonic() + 1
show(lambda: time.monotonic() < deadline)

"""Drives the Python module miniupnpc: status | list | map EXTERNAL PROTOCOL INTERNAL | unmap EXTERNAL PROTOCOL."""

import sys

import miniupnpc

client = miniupnpc.UPnP()
client.discoverdelay = 300
if client.discover() < 1:
    sys.exit("no device found")
client.selectigd()

command, *arguments = sys.argv[1:]
if command == "status":
    print("status=" + client.statusinfo()[0])
    print("address=" + client.externalipaddress())
elif command == "list":
    index = 0
    while (entry := client.getgenericportmapping(index)) is not None:
        external, protocol, (host, port) = entry[:3]
        print(external, protocol, host, port)
        index += 1
elif command == "map":
    external, protocol, internal = arguments
    if not client.addportmapping(int(external), protocol, client.lanaddr, int(internal), "lab", ""):
        sys.exit("refused")
elif command == "unmap":
    external, protocol = arguments
    if not client.deleteportmapping(int(external), protocol):
        sys.exit("refused")
else:
    sys.exit(f"unknown command {command}")

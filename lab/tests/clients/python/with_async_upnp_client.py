"""Drives async_upnp_client: OWN-ADDRESS status | list | map EXTERNAL PROTOCOL INTERNAL | unmap EXTERNAL PROTOCOL | events."""

import asyncio
import signal
import sys

from async_upnp_client.aiohttp import AiohttpNotifyServer, AiohttpRequester
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.exceptions import UpnpActionError
from async_upnp_client.profiles.igd import IgdDevice


def show(service, variables):
    """One line per event."""
    print(" ".join(f"{variable.name}={variable.value}" for variable in variables), flush=True)


async def main(address, command, *arguments):
    found = await IgdDevice.async_search(source=(address, 0), timeout=2)
    if not found:
        sys.exit("no device found")
    location = next(iter(found))["location"]
    # The strict factory: a document or a value that contradicts the SCPD is an error.
    device = await UpnpFactory(AiohttpRequester(), non_strict=False).async_create_device(location)
    igd = IgdDevice(device, None)
    if command == "status":
        print("status=" + (await igd.async_get_status_info()).connection_status)
        print("address=" + await igd.async_get_external_ip_address())
        print("link=" + (await igd.async_get_common_link_properties()).physical_link_status)
        print(f"nat={(await igd.async_get_nat_rsip_status()).nat_enabled}")
        return
    connection = next(s for s in device.all_services if ":WANIPConnection:" in s.service_type)
    if command == "list":
        for index in range(1000):
            try:
                entry = await connection.action("GetGenericPortMappingEntry").async_call(NewPortMappingIndex=index)
            except UpnpActionError as error:
                if error.error_code != 713:
                    raise
                return
            print(entry["NewExternalPort"], entry["NewProtocol"], entry["NewInternalClient"], entry["NewInternalPort"])
    elif command == "map":
        external, protocol, internal = arguments
        await connection.action("AddPortMapping").async_call(
            NewRemoteHost="",
            NewExternalPort=int(external),
            NewProtocol=protocol,
            NewInternalPort=int(internal),
            NewInternalClient=address,
            NewEnabled=True,
            NewPortMappingDescription="lab",
            NewLeaseDuration=600,
        )
    elif command == "unmap":
        external, protocol = arguments
        await connection.action("DeletePortMapping").async_call(
            NewRemoteHost="", NewExternalPort=int(external), NewProtocol=protocol
        )
    elif command == "events":
        server = AiohttpNotifyServer(device.requester, (address, 0))
        await server.async_start_server()
        for service in device.all_services:
            service.on_event = show
            await server.event_handler.async_subscribe(service)
        print("subscribed", flush=True)
        asked = asyncio.Queue()
        for number in (signal.SIGUSR1, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, asked.put_nowait, number)
        while await asked.get() == signal.SIGUSR1:
            await server.event_handler.async_resubscribe_all()
            print("renewed", flush=True)
        await server.async_stop_server()
        print("unsubscribed", flush=True)
    else:
        sys.exit(f"unknown command {command}")


asyncio.run(main(*sys.argv[1:]))

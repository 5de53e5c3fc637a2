"""Drives GUPnP, GNOME's UPnP library: INTERFACE VERSION. Tells of WANIPConnection what its events say, until it is ended."""

import signal
import sys

import gi

gi.require_version("GSSDP", "1.6")
gi.require_version("GUPnP", "1.6")
from gi.repository import GLib, GObject, GSSDP, GUPnP  # noqa: E402

VARIABLES = {
    "PossibleConnectionTypes": GObject.TYPE_STRING,
    "ConnectionStatus": GObject.TYPE_STRING,
    "ExternalIPAddress": GObject.TYPE_STRING,
    "PortMappingNumberOfEntries": GObject.TYPE_UINT,
    "SystemUpdateID": GObject.TYPE_UINT,
}


def tell(line):
    print(line, flush=True)


class Watcher:
    def __init__(self, loop):
        self.loop = loop
        self.proxy = None

    def available(self, _control_point, proxy):
        if self.proxy is not None:
            return
        self.proxy = proxy
        tell(f"found {proxy.get_service_type()} at {proxy.get_location()}")
        for name, kind in VARIABLES.items():
            proxy.add_notify(name, kind, lambda _proxy, name, value: tell(f"{name}={value}"))
        proxy.connect("subscription-lost", lambda _proxy, error: tell(f"lost: {error.message}"))
        proxy.set_subscribed(True)
        action = GUPnP.ServiceProxyAction.new_from_list("GetExternalIPAddress", [], [])
        proxy.call_action_async(action, None, self.answered)

    def answered(self, proxy, result):
        action = proxy.call_action_finish(result)
        _, values = action.get_result_list(["NewExternalIPAddress"], [GObject.TYPE_STRING])
        tell(f"GetExternalIPAddress answers {values[0]}")

    def end(self):
        if self.proxy is not None:
            self.proxy.set_subscribed(False)
            tell("unsubscribed")
        # What was asked last is sent by the loop.
        GLib.timeout_add(200, self.loop.quit)
        return GLib.SOURCE_REMOVE


def main(interface, version):
    loop = GLib.MainLoop()
    context = GUPnP.Context.new_full(interface, None, 0, GSSDP.UDAVersion.VERSION_1_0)
    target = f"urn:schemas-upnp-org:service:WANIPConnection:{version}"
    control_point = GUPnP.ControlPoint.new(context, target)
    watcher = Watcher(loop)
    control_point.connect("service-proxy-available", watcher.available)
    control_point.set_active(True)
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, watcher.end)
    loop.run()


main(*sys.argv[1:])

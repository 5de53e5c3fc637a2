//! LANHostConfigManagement:1, for reading only.

use portreeve_wire::{Answer, Call, ErrorCode, Fault, Value};

use crate::context::Context;
use crate::lan_host::LanHosts;

/// Carries out one of its reading actions.
pub(super) fn read(context: &Context<'_>, call: &Call) -> Result<Answer, Fault> {
    super::read(context, call).map_err(|_| {
        let why = match of_caller(context) {
            None => "the gateway has no IPv4 address on this LAN",
            Some(_) => "the gateway knows of no DHCP server on this LAN",
        };
        Fault::because(ErrorCode::ActionFailed, why)
    })
}

/// The value of a state variable; `None` if it is not known.
pub(super) fn value(context: &Context<'_>, variable: &str) -> Option<Value> {
    let hosts = of_caller(context)?;
    let dhcp = hosts.dhcp.as_ref();
    let value = match variable {
        // Nobody sets anything up through this service, and requests to other servers are not passed on by us.
        "DHCPServerConfigurable" | "DHCPRelay" => false.into(),
        "SubnetMask" => hosts.mask.to_string().into(),
        "IPRouters" => hosts.router.to_string().into(),
        "DNSServers" => list(&hosts.dns_servers).into(),
        "DomainName" => Value::String(hosts.domain.clone()),
        "MinAddress" => dhcp?.first.to_string().into(),
        "MaxAddress" => dhcp?.last.to_string().into(),
        "ReservedAddresses" => list(&dhcp?.reserved).into(),
        _ => return None,
    };
    Some(value)
}

/// The LAN of the caller; the first one if the caller's address does not tell.
fn of_caller<'a>(context: &Context<'a>) -> Option<&'a LanHosts> {
    let lans = context.lan_hosts;
    lans.iter()
        .find(|lan| lan.network.contains(context.caller))
        .or_else(|| lans.first())
}

fn list<T: ToString>(addresses: &[T]) -> String {
    let addresses: Vec<_> = addresses.iter().map(T::to_string).collect();
    addresses.join(",")
}

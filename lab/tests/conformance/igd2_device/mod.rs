//! InternetGatewayDevice:2 and its companion services.

mod device_tree;
mod layer3_forwarding;
mod microsoft_compatibility;
mod wan_common_interface_config;
mod wan_ipv6_firewall_control;

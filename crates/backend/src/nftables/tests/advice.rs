//! Other programs' filters.

use super::*;

const OTHER: Ipv6Firewall = Ipv6Firewall::Other { mark: 0x0040_0000 };

#[test]
fn filters_that_drop_mapped_traffic_are_found_with_their_remedy() {
    alone("filters_that_drop_mapped_traffic_are_found_with_their_remedy", || {
        let _backend = open(settings(Ownership::Shared));
        assert_eq!(foreign_filters("portreeve", OTHER), Ok(vec![]));

        nft_load(
            "table ip filter {
                chain FORWARD { type filter hook forward priority 0; policy drop; ct state established accept; }
                chain INPUT { type filter hook input priority 0; policy drop; }
            }
            table inet fw {
                chain last { type filter hook forward priority 5; policy accept; iifname lo accept; counter reject; }
                chain some { type filter hook forward priority 6; policy accept; iifname lo drop; }
            }
            table ip6 six {
                chain FORWARD { type filter hook forward priority 0; policy drop; }
            }",
        );
        let advice = foreign_filters("portreeve", OTHER).unwrap();
        let remedies: Vec<_> = advice.iter().map(Advice::remedy).collect();
        assert_eq!(
            remedies,
            [
                "nft insert rule ip filter FORWARD ct status dnat accept",
                "nft insert rule inet fw last ct status dnat accept",
                "nft insert rule inet fw last ct mark and 0x400000 != 0 accept",
                "nft insert rule ip6 six FORWARD ct mark and 0x400000 != 0 accept",
            ]
        );
        let told = advice[3].to_string();
        assert!(
            told.starts_with("chain FORWARD of table ip6 six drops what comes in through pinholes; "),
            "{told}"
        );

        for remedy in remedies {
            nft(remedy.strip_prefix("nft ").unwrap());
        }
        assert_eq!(foreign_filters("portreeve", OTHER), Ok(vec![]));
    });
}

#[test]
fn an_exception_in_a_chain_that_is_jumped_to_counts() {
    alone("an_exception_in_a_chain_that_is_jumped_to_counts", || {
        nft_load(
            "table inet fw {
                chain exceptions { ct status dnat counter accept; ct mark & 0x400000 != 0 accept; }
                chain more { goto exceptions; }
                chain f { type filter hook forward priority 0; policy drop; jump more; }
            }",
        );
        assert_eq!(foreign_filters("portreeve", OTHER), Ok(vec![]));
        nft("flush chain inet fw exceptions");
        assert_eq!(foreign_filters("portreeve", OTHER).unwrap().len(), 2);
    });
}

#[test]
fn a_firewall_for_ipv6_is_found_whatever_its_exceptions() {
    alone("a_firewall_for_ipv6_is_found_whatever_its_exceptions", || {
        let own = Settings {
            ipv6: Ipv6Firewall::Own,
            ..settings(Ownership::Shared)
        };
        let _backend = open(own);
        nft_load("table ip four { chain f { type filter hook forward priority 0; policy drop; }; }");
        assert_eq!(ipv6_filter("portreeve"), Ok(None));
        nft_load(
            "table ip6 six {
                chain f { type filter hook forward priority 0; ct mark & 0x400000 == 0x400000 accept; reject; };
            }",
        );
        let found = ipv6_filter("portreeve").unwrap().unwrap();
        assert_eq!(found.to_string(), "chain f of table ip6 six");
        let pinholes = |firewall| {
            let advice = foreign_filters("portreeve", firewall).unwrap().into_iter();
            let mut advice = advice.filter(|advice| advice.dropped == Dropped::Pinholes(firewall));
            advice.next().map(|advice| advice.remedy())
        };
        assert_eq!(pinholes(OTHER), None);
        let no_exception = Some("nft insert rule ip6 six f ct mark and 0x1 != 0 accept".to_owned());
        assert_eq!(pinholes(Ipv6Firewall::Other { mark: 1 }), no_exception);
        for firewall in [Ipv6Firewall::Own, Ipv6Firewall::None] {
            assert_eq!(pinholes(firewall), Some("ipv6.firewall = \"other\"".to_owned()));
        }
    });
}

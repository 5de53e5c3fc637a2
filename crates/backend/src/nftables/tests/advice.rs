//! Other programs' filters.

use super::*;

#[test]
fn filters_that_drop_mapped_traffic_are_found_with_their_remedy() {
    alone("filters_that_drop_mapped_traffic_are_found_with_their_remedy", || {
        let _backend = open(settings(Ownership::Shared));
        assert_eq!(foreign_filters("portreeve"), Ok(vec![]));

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
        let advice = foreign_filters("portreeve").unwrap();
        let remedies: Vec<_> = advice.iter().map(Advice::remedy).collect();
        assert_eq!(
            remedies,
            [
                "nft insert rule ip filter FORWARD ct status dnat accept",
                "nft insert rule inet fw last ct status dnat accept",
            ]
        );

        for remedy in remedies {
            nft(remedy.strip_prefix("nft ").unwrap());
        }
        assert_eq!(foreign_filters("portreeve"), Ok(vec![]));
    });
}

#[test]
fn an_exception_in_a_chain_that_is_jumped_to_counts() {
    alone("an_exception_in_a_chain_that_is_jumped_to_counts", || {
        nft_load(
            "table inet fw {
                chain exceptions { ct status dnat counter accept; }
                chain more { goto exceptions; }
                chain f { type filter hook forward priority 0; policy drop; jump more; }
            }",
        );
        assert_eq!(foreign_filters("portreeve"), Ok(vec![]));
        nft("flush chain inet fw exceptions");
        assert_eq!(foreign_filters("portreeve").unwrap().len(), 1);
    });
}

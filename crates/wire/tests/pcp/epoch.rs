//! Whether a server lost what it knew.

use portreeve_wire::pcp::client::{Continuity, Observed, continuity};

#[test]
fn the_first_continues() {
    for epoch in [0, 1, u32::MAX] {
        assert_eq!(continuity(None, Observed { epoch, at: 5 }), Continuity::Continues);
    }
}

/// Rows of (server then, server now, seconds that went by here).
#[test]
fn the_rule_of_the_standard() {
    use Continuity::{Continues, Lost};
    for (then, now, elapsed, expected) in [
        // Both clocks agree; and nothing went by.
        (1000, 1000, 0, Continues),
        (1000, 1060, 60, Continues),
        // One second backwards is forgiven, two are not.
        (1000, 999, 0, Continues),
        (1000, 998, 0, Lost),
        (1000, 0, 0, Lost),
        (1, 0, 1, Continues),
        // The server was slow: elapsed 1600 less its 16th is 1500, less 2.
        (1000, 1000 + 1498, 1600, Continues),
        (1000, 1000 + 1497, 1600, Lost),
        (1000, 1010, 100_000, Lost),
        // The server was fast.
        (1000, 1000 + 1600, 1498, Continues),
        (1000, 1000 + 1600, 1497, Lost),
        // Rounding at small numbers.
        (1000, 1002, 0, Continues),
        (1000, 1003, 0, Lost),
        (1000, 1000, 2, Continues),
        (1000, 1000, 3, Lost),
        // It restarted long ago, and is younger than what went by here.
        (1000, 1200, 1000, Lost),
        (u32::MAX, u32::MAX, 0, Continues),
        (u32::MAX, 0, 1, Lost),
        (0, u32::MAX, u64::from(u32::MAX), Continues),
    ] {
        let previous = Observed { epoch: then, at: 70 };
        let observed = Observed {
            epoch: now,
            at: 70 + elapsed,
        };
        let got = continuity(Some(previous), observed);
        assert_eq!(got, expected, "{then} to {now} in {elapsed} s");
    }
}

#[test]
fn a_clock_at_its_end() {
    let previous = Observed { epoch: 0, at: 0 };
    let late = Observed { epoch: 1, at: u64::MAX };
    assert_eq!(continuity(Some(previous), late), Continuity::Lost);
    // A clock that goes backwards after all is one that stands.
    assert_eq!(
        continuity(Some(late), Observed { epoch: 1, at: 0 }),
        Continuity::Continues
    );
}

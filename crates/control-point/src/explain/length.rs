//! Lengths of time in words.

use std::time::Duration;

/// A length of time as people say it: in tenths of a second while that matters, and later in its two largest units.
pub(crate) fn length(length: Duration) -> String {
    let (milliseconds, seconds) = (length.as_millis(), length.as_secs());
    match milliseconds {
        0..95 => return format!("{milliseconds} ms"),
        95..10_000 => {
            let tenths = (milliseconds + 50) / 100;
            return match (tenths / 10, tenths % 10) {
                (whole, 0) => format!("{whole} s"),
                (whole, tenth) => format!("{whole}.{tenth} s"),
            };
        }
        _ => {}
    }
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reads_microseconds() {
        for (microseconds, words) in [
            (0, "0 ms"),
            (12_345, "12 ms"),
            (99_000, "0.1 s"),
            (301_076, "0.3 s"),
            (999_999, "1 s"),
            (1_001_383, "1 s"),
            (1_450_000, "1.5 s"),
            (9_951_000, "10 s"),
            (10_900_000, "10 s"),
            (59_999_999, "59 s"),
            (61_000_000, "1 min 1 s"),
            (7_260_000_000, "2 h 1 min"),
            (90_061_000_000, "1 d 1 h"),
        ] {
            assert_eq!(length(Duration::from_micros(microseconds)), words);
        }
    }
}

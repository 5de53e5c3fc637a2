//! Whether a server lost what it knew (section 8.5).

/// The epoch as one answer or announcement told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Epoch Time of the server, in seconds.
    pub epoch: u32,
    /// When it was received: seconds of a local clock that only goes forward, from any beginning.
    pub at: u64,
}

/// What two observations of the same server tell together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// The server knows what it knew.
    Continues,
    /// It does not: everything is to be asked for again.
    Lost,
}

/// Judges what was observed now by what was observed last, by the rule of PCP; the first observation of a server always
/// continues. Whatever comes out, the next is to be judged by this one.
pub fn continuity(previous: Option<Observed>, now: Observed) -> Continuity {
    let Some(previous) = previous else {
        return Continuity::Continues;
    };
    // One second backwards may be an answer that was overtaken by another.
    if u64::from(now.epoch) + 1 < u64::from(previous.epoch) {
        return Continuity::Lost;
    }
    let server = u64::from(now.epoch.saturating_sub(previous.epoch));
    let client = now.at.saturating_sub(previous.at);
    // Clocks may differ by a sixteenth, and by what rounding makes of it.
    let slower = |one: u64, other: u64| one.saturating_add(2) < other - other / 16;
    if slower(client, server) || slower(server, client) {
        Continuity::Lost
    } else {
        Continuity::Continues
    }
}

//! What has been asked and not answered yet.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A request, and between whom.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    /// Who asked.
    pub(super) source: SocketAddr,
    /// Which of our addresses was asked, and answers.
    pub(super) destination: IpAddr,
    /// The datagram.
    pub(super) bytes: Box<[u8]>,
}

/// The requests of one interface that the engine has, with a bound: most are answered in the time of one wait for the
/// disk, but one that another gateway has to be asked for takes seconds.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    asked: HashSet<Arc<Asked>>,
    of_client: HashMap<IpAddr, usize>,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is under way from now on.
    New(Arc<Asked>),
    /// It is under way already: its client has sent it again, and hears the answer to the first.
    Repeated,
    /// Its client has too many under way.
    TooMany,
}

/// Requests at a time; those beyond wait in the kernel.
const IN_ALL: usize = 1024;
/// Of one client at a time, so that it leaves room for others.
const OF_CLIENT: usize = 256;

impl UnderWay {
    /// How many more may be entered.
    pub(super) fn room(&self) -> usize {
        IN_ALL - self.asked.len()
    }

    /// Enters a request, for which there is room.
    pub(super) fn enter(&mut self, asked: Asked) -> Entry {
        let client = asked.source.ip();
        if self.asked.contains(&asked) {
            return Entry::Repeated;
        }
        let count = self.of_client.entry(client).or_default();
        if *count >= OF_CLIENT {
            return Entry::TooMany;
        }
        *count += 1;
        let asked = Arc::new(asked);
        self.asked.insert(Arc::clone(&asked));
        Entry::New(asked)
    }

    /// Takes out a request that has been answered.
    pub(super) fn leave(&mut self, asked: &Asked) {
        self.asked.remove(asked);
        let client = asked.source.ip();
        if let Some(count) = self.of_client.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                self.of_client.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(client: u8, number: u16) -> Asked {
        Asked {
            source: SocketAddr::from(([192, 168, 77, client], 40_000)),
            destination: IpAddr::from([192, 168, 77, 1]),
            bytes: number.to_be_bytes().into(),
        }
    }

    #[test]
    fn what_is_repeated_is_asked_once_until_it_is_answered() {
        let mut under_way = UnderWay::default();
        assert!(matches!(under_way.enter(asked(1, 7)), Entry::New(_)));
        assert_eq!(under_way.enter(asked(1, 7)), Entry::Repeated);
        assert!(matches!(under_way.enter(asked(2, 7)), Entry::New(_)));
        under_way.leave(&asked(1, 7));
        assert!(matches!(under_way.enter(asked(1, 7)), Entry::New(_)));
    }

    #[test]
    fn one_client_leaves_room_for_others() {
        let mut under_way = UnderWay::default();
        let entered = (0..2000).take_while(|number| under_way.enter(asked(1, *number)) != Entry::TooMany);
        assert_eq!(entered.count(), OF_CLIENT);
        assert_eq!(under_way.room(), IN_ALL - OF_CLIENT);
        assert!(matches!(under_way.enter(asked(2, 0)), Entry::New(_)));
        for number in 0..OF_CLIENT {
            under_way.leave(&asked(1, u16::try_from(number).unwrap()));
        }
        under_way.leave(&asked(2, 0));
        assert_eq!(under_way.room(), IN_ALL);
        assert!(under_way.of_client.is_empty());
    }
}

//! Gateways that were taken before, by network, so that they can be asked first.
//!
//! Only LOCATION and UDN are kept: everything else may change with a restart of the gateway. Nothing here is believed
//! before the gateway has been asked, and a cache that cannot be read or written is none.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portreeve_wire::Url;
use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::search::Remembered;
use crate::gateway::Gateway;

/// More networks than a laptop visits in a year.
const ENTRIES: usize = 64;

/// Longest UDN that is remembered, in bytes: a UUID has 41.
const LONGEST_UDN: usize = 128;

/// More bytes than that many entries have.
const FILE_LIMIT: u64 = 256 * 1024;

/// An entry whose only news is that the gateway is still there is written again after this time.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// The format's version; another one is not read.
const FORMAT: u32 = 1;

/// What is known of every network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cache {
    format: u32,
    gateways: Vec<Entry>,
}

/// A network, as far as it can be told from others: the way to the internet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    interface: String,
    default_gateway: Option<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    place: Place,
    location: String,
    udn: String,
    /// Seconds since 1970.
    last_seen: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            format: FORMAT,
            gateways: Vec::new(),
        }
    }
}

impl Place {
    /// Where a search from these origins takes place; `None` if there are none.
    pub(crate) fn of(origins: &[Origin]) -> Option<Self> {
        let first = origins.first()?;
        Some(Self {
            interface: first.interface.clone(),
            default_gateway: first.gateway,
        })
    }
}

impl Place {
    /// Whether the place tells over which interface the gateway is reached, for one with a link-local address.
    pub(crate) fn tells_link_of(&self, gateway: &Gateway) -> bool {
        let link_local = matches!(gateway.address(), IpAddr::V6(address) if address.is_unicast_link_local());
        !link_local || gateway.interface() == self.interface
    }
}

impl Cache {
    /// Reads the format; nothing that is broken or of another version.
    pub(crate) fn parse(text: &str) -> Self {
        let cache: Option<Self> = serde_json::from_str(text).ok();
        cache.filter(|cache| cache.format == FORMAT).unwrap_or_default()
    }

    /// Writes the format.
    pub(crate) fn render(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and numbers can be written as JSON")
    }

    /// The gateways that were taken in this place, the last one first.
    pub(crate) fn remembered(&self, place: &Place) -> Vec<Remembered> {
        let mut entries: Vec<_> = self.gateways.iter().filter(|entry| entry.place == *place).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.last_seen));
        let remembered = entries.into_iter().filter_map(|entry| {
            Some(Remembered {
                location: Url::parse(&entry.location).ok()?,
                udn: entry.udn.clone(),
            })
        });
        remembered.collect()
    }

    /// Notes that this gateway was taken in this place, at a time since 1970; whether that is worth writing down. A
    /// gateway has one entry in a place, and what has not been seen for the longest time is forgotten.
    pub(crate) fn note(&mut self, place: &Place, gateway: &Remembered, now: Duration) -> bool {
        if gateway.udn.len() > LONGEST_UDN {
            return false;
        }
        let location = gateway.location.to_string();
        let fresh =
            |entry: &Entry| entry.location == location && now.as_secs().abs_diff(entry.last_seen) < STALE.as_secs();
        let same = |entry: &Entry| entry.place == *place && entry.udn == gateway.udn;
        if self.gateways.iter().any(|entry| same(entry) && fresh(entry)) {
            return false;
        }
        self.gateways.retain(|entry| !same(entry));
        self.gateways.push(Entry {
            place: place.clone(),
            location,
            udn: gateway.udn.clone(),
            last_seen: now.as_secs(),
        });
        self.gateways.sort_by_key(|entry| std::cmp::Reverse(entry.last_seen));
        self.gateways.truncate(ENTRIES);
        true
    }
}

/// `$XDG_CACHE_HOME/portreeve/gateways.json`, by default below `$HOME/.cache`; `None` where there is no home.
pub(crate) fn default_path() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let folder = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(folder.join("portreeve").join("gateways.json"))
}

/// Reads a cache file; an empty cache if that does not work.
pub(crate) fn load(path: &Path) -> Cache {
    let read = || -> io::Result<String> {
        // To open a pipe may take for ever.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut text = String::new();
        std::fs::File::open(path)?.take(FILE_LIMIT).read_to_string(&mut text)?;
        Ok(text)
    };
    match read() {
        Ok(text) => Cache::parse(&text),
        Err(error) => {
            tracing::debug!(path = %path.display(), %error, "no gateways are remembered");
            Cache::default()
        }
    }
}

/// Notes a gateway in a cache file, which is read anew, since other programs write it as well. What goes wrong is told
/// to the log only.
pub(crate) fn note(path: &Path, place: &Place, gateway: &Remembered) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut cache = load(path);
    if cache.note(place, gateway, now)
        && let Err(error) = store(path, &cache)
    {
        tracing::debug!(path = %path.display(), %error, "the gateway is not remembered");
    }
}

/// Replaces the file in one step, so that nobody ever reads half of it.
fn store(path: &Path, cache: &Cache) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    std::fs::create_dir_all(folder)?;
    // Several searches of one process may end at the same time.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    let write = || -> io::Result<()> {
        // Never through a link that somebody has put there.
        let mut file = std::fs::File::create_new(&temporary)?;
        file.write_all(cache.render().as_bytes())?;
        std::fs::rename(&temporary, path)
    };
    let written = write();
    if written.is_err() {
        // The first error is the one that counts.
        let _removed = std::fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use portreeve_testkit::TempDir;

    use super::*;

    fn place(interface: &str, gateway: u8) -> Place {
        Place {
            interface: interface.to_owned(),
            default_gateway: Some([192, 168, 77, gateway].into()),
        }
    }

    fn gateway(location: &str, udn: &str) -> Remembered {
        Remembered {
            location: Url::parse(location).unwrap(),
            udn: udn.to_owned(),
        }
    }

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    #[test]
    fn a_gateway_is_remembered_in_its_place_only() {
        let mut cache = Cache::default();
        let home = gateway("http://192.168.77.1:5000/d", "uuid:1");
        assert!(cache.note(&place("eth0", 1), &home, NOW));
        assert_eq!(cache.remembered(&place("eth0", 1)), [home]);
        assert_eq!(cache.remembered(&place("eth0", 2)), []);
        assert_eq!(cache.remembered(&place("wlan0", 1)), []);
        assert_eq!(Cache::parse(&cache.render()), cache);
    }

    #[test]
    fn the_last_one_comes_first_and_a_new_location_replaces_the_old_one() {
        let mut cache = Cache::default();
        let (one, two) = (
            gateway("http://192.168.77.1:1/d", "uuid:1"),
            gateway("http://192.168.77.1:2/d", "uuid:2"),
        );
        let moved = gateway("http://192.168.77.1:3/d", "uuid:1");
        for (after, gateway) in [(0, &one), (1, &two), (2, &moved)] {
            assert!(cache.note(&place("eth0", 1), gateway, NOW + Duration::from_secs(after)));
        }
        assert_eq!(cache.remembered(&place("eth0", 1)), [moved, two]);
    }

    #[test]
    fn old_news_is_not_written() {
        let mut cache = Cache::default();
        let one = gateway("http://192.168.77.1:1/d", "uuid:1");
        assert!(cache.note(&place("eth0", 1), &one, NOW));
        assert!(!cache.note(&place("eth0", 1), &one, NOW + Duration::from_secs(3600)));
        assert!(cache.note(&place("eth0", 1), &one, NOW + STALE));
        // The clock was set back.
        assert!(cache.note(&place("eth0", 1), &one, NOW - STALE));
    }

    #[test]
    fn the_number_of_entries_is_bounded_and_the_oldest_go() {
        let mut cache = Cache::default();
        for number in 0..ENTRIES as u64 + 8 {
            let gateway = gateway("http://192.168.77.1:1/d", &format!("uuid:{number}"));
            assert!(cache.note(&place("eth0", 1), &gateway, NOW + Duration::from_secs(number)));
        }
        assert_eq!(cache.gateways.len(), ENTRIES);
        assert!(cache.gateways.iter().all(|entry| entry.udn != "uuid:7"));
        assert!((cache.render().len() as u64) < FILE_LIMIT);
    }

    #[test]
    fn a_gateway_cannot_fill_the_file() {
        let mut cache = Cache::default();
        let location = format!("http://192.168.77.1:1/{}", "d".repeat(2000));
        assert!(!cache.note(&place("eth0", 1), &gateway(&location, &"u".repeat(200_000)), NOW));
        for number in 0..ENTRIES as u64 {
            let udn = format!("{number:03}{}", "\u{1}".repeat(LONGEST_UDN - 3));
            assert!(cache.note(&place("eth0", 1), &gateway(&location, &udn), NOW));
        }
        assert!((cache.render().len() as u64) < FILE_LIMIT, "{}", cache.render().len());
    }

    #[test]
    fn a_link_that_somebody_put_there_is_not_followed() {
        let folder = TempDir::new();
        let (path, other) = (folder.path().join("gateways.json"), folder.path().join("other"));
        std::fs::write(&other, "precious").unwrap();
        for number in 0..1000 {
            let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
            std::os::unix::fs::symlink(&other, temporary).unwrap();
        }
        note(&path, &place("eth0", 1), &gateway("http://192.168.77.1:1/d", "uuid:1"));
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "precious");
    }

    #[test]
    fn whatever_is_no_cache_is_an_empty_one() {
        let mut cache = Cache::default();
        assert!(cache.note(&place("eth0", 1), &gateway("http://192.168.77.1:1/d", "uuid:1"), NOW));
        let text = cache.render();
        assert_eq!(
            Cache::parse(&text.replace("\"format\": 1", "\"format\": 2")),
            Cache::default()
        );
        assert_eq!(Cache::parse(&text[..text.len() - 9]), Cache::default());
        for text in ["", "{}", "[]", "null", "\0", "{\"format\":1,\"gateways\":[{}]}"] {
            assert_eq!(Cache::parse(text), Cache::default(), "{text:?}");
        }
        // A broken entry does not spoil the others.
        let broken = text.replace("http://", "gopher://");
        assert_eq!(Cache::parse(&broken).remembered(&place("eth0", 1)), []);
    }

    #[test]
    fn a_file_is_made_with_its_folder_and_replaced_whole() {
        let folder = TempDir::new();
        let path = folder.path().join("a/b/gateways.json");
        assert_eq!(load(&path), Cache::default());
        let one = gateway("http://192.168.77.1:1/d", "uuid:1");
        note(&path, &place("eth0", 1), &one);
        assert_eq!(load(&path).remembered(&place("eth0", 1)), std::slice::from_ref(&one));
        std::fs::write(&path, "garbage").unwrap();
        note(&path, &place("eth0", 1), &one);
        assert_eq!(load(&path).remembered(&place("eth0", 1)), [one]);
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(files.count(), 1, "nothing temporary is left");
    }

    #[test]
    fn a_file_that_cannot_be_written_harms_nobody() {
        let folder = TempDir::new();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let below_a_file = file.join("gateways.json");
        note(
            &below_a_file,
            &place("eth0", 1),
            &gateway("http://192.168.77.1:1/d", "uuid:1"),
        );
        assert_eq!(load(&below_a_file), Cache::default());
    }
}

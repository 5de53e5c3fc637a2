//! Journals cut, torn and damaged, without a disk.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::Arc;

use portreeve_engine::{
    Expiry, Key, Mapping, Origin, PcpOpcode, PcpOrigin, Pinhole, PinholeKey, Protocol, RemoteHost, Time, Transport,
    UniqueId,
};
use portreeve_wire::pcp::Nonce;
use proptest::prelude::*;

use super::*;

const SALT: u64 = 0x0123_4567_89ab_cdef;

/// A mapping of this external port to the first LAN host.
pub(crate) fn mapping(external_port: u16) -> Mapping {
    Mapping {
        key: Key {
            external_port: NonZeroU16::new(external_port).unwrap(),
            protocol: Protocol::Tcp,
            remote_host: RemoteHost::Any,
        },
        internal_client: Ipv4Addr::new(192, 168, 77, 10),
        internal_port: NonZeroU16::new(8080).unwrap(),
        enabled: true,
        description: "web".into(),
        expiry: Expiry::At(Time::from_millis(3_600_000)),
        origin: Origin::Upnp(Ipv4Addr::new(192, 168, 77, 10).into()),
    }
}

/// A pinhole to this port of the first LAN host.
pub(crate) fn pinhole(internal_port: u16) -> Pinhole {
    let internal_client = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0x10);
    Pinhole {
        key: PinholeKey {
            internal_client,
            internal_port: NonZeroU16::new(internal_port).unwrap(),
            transport: Transport::Tcp,
            remote_host: None,
            remote_port: None,
        },
        id: UniqueId(internal_port),
        expiry: Time::from_millis(3_600_000),
        origin: Origin::Upnp(internal_client.into()),
    }
}

fn any_key() -> impl Strategy<Value = Key> {
    // Few keys, so that most records meet an earlier one.
    (1..6_u16, any::<bool>(), 0..3_u8).prop_map(|(port, tcp, host)| Key {
        external_port: NonZeroU16::new(port).unwrap(),
        protocol: if tcp { Protocol::Tcp } else { Protocol::Udp },
        remote_host: match host {
            0 => RemoteHost::Any,
            host => RemoteHost::Host(Ipv4Addr::new(11, 11, 11, host)),
        },
    })
}

fn any_origin() -> impl Strategy<Value = Origin> {
    let caller = || {
        prop_oneof![
            any::<[u8; 4]>().prop_map(|octets| IpAddr::V4(octets.into())),
            any::<[u8; 16]>().prop_map(|octets| IpAddr::V6(octets.into())),
        ]
    };
    let opcode = prop_oneof![Just(PcpOpcode::Map), Just(PcpOpcode::Peer)];
    prop_oneof![
        caller().prop_map(Origin::Upnp),
        any::<[u8; 4]>().prop_map(|octets| Origin::NatPmp(octets.into())),
        (caller(), any::<[u8; 12]>(), opcode).prop_map(|(caller, nonce, opcode)| {
            let nonce = Nonce(nonce);
            Origin::Pcp(PcpOrigin { caller, nonce, opcode })
        }),
    ]
}

fn any_mapping() -> impl Strategy<Value = Mapping> {
    let expiry = prop_oneof![
        Just(Expiry::Never),
        any::<u64>().prop_map(|millis| Expiry::At(Time::from_millis(millis)))
    ];
    let client = any::<[u8; 4]>().prop_map(Ipv4Addr::from);
    (
        any_key(),
        client,
        1..=u16::MAX,
        any::<bool>(),
        ".{0,40}",
        expiry,
        any_origin(),
    )
        .prop_map(
            |(key, internal_client, port, enabled, description, expiry, origin)| Mapping {
                key,
                internal_client,
                internal_port: NonZeroU16::new(port).unwrap(),
                enabled,
                description: description.into(),
                expiry,
                origin,
            },
        )
}

fn any_pinhole_key() -> impl Strategy<Value = PinholeKey> {
    (0..2_u16, 1..4_u16, 0..5_usize, 0..2_u16, 0..2_u16).prop_map(|(client, port, transport, host, from)| PinholeKey {
        internal_client: Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, client),
        internal_port: NonZeroU16::new(port).unwrap(),
        transport: Transport::ALL[transport],
        remote_host: (host > 0).then(|| Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, host)),
        remote_port: NonZeroU16::new(from),
    })
}

fn any_pinhole() -> impl Strategy<Value = Pinhole> {
    (any_pinhole_key(), any::<u16>(), any::<u64>(), any_origin()).prop_map(|(key, id, end, origin)| Pinhole {
        key,
        id: UniqueId(id),
        expiry: Time::from_millis(end),
        origin,
    })
}

fn any_record() -> impl Strategy<Value = Record> {
    prop_oneof![
        6 => any_mapping().prop_map(|mapping| Record::Put(Arc::new(mapping))),
        3 => any_key().prop_map(Record::Remove),
        4 => any_pinhole().prop_map(|pinhole| Record::PutPinhole(Arc::new(pinhole))),
        2 => any_pinhole_key().prop_map(Record::RemovePinhole),
        1 => any::<u16>().prop_map(|id| Record::LastUniqueId(UniqueId(id))),
        1 => ("[a-c]", ".{0,700}").prop_map(|(name, value)| Record::Note { name, value }),
        1 => "[a-c]".prop_map(Record::Boot),
    ]
}

type Commit = (Stamp, Vec<Record>);

fn any_commits() -> impl Strategy<Value = Vec<Commit>> {
    let stamp = any::<(u64, u64, u32)>().prop_map(|(boot, unix_millis, system_update_id)| Stamp {
        clocks: Clocks {
            boot: Time::from_millis(boot),
            unix_millis,
        },
        system_update_id,
    });
    prop::collection::vec((stamp, prop::collection::vec(any_record(), 0..12)), 1..10)
}

/// A journal of these commits, the table after each (the first: before any), and where the frames begin and end.
fn journal_of(commits: &[Commit]) -> (Vec<u8>, Vec<Table>, Vec<usize>) {
    let (mut bytes, mut tables, mut ends) = (header(SALT).to_vec(), vec![Table::default()], vec![HEADER]);
    for (stamp, records) in commits {
        let position = bytes.len();
        frame(&mut bytes, SALT, position, *stamp, records.iter().cloned()).unwrap();
        let mut table = tables[tables.len() - 1].clone();
        table.stamp = *stamp;
        for record in records {
            table.apply(record.clone());
        }
        tables.push(table);
        ends.push(bytes.len());
    }
    bytes.resize((bytes.len() + MARGIN).next_multiple_of(CHUNK), 0);
    (bytes, tables, ends)
}

fn is_damaged(outcome: &Result<Replayed, Fault>) -> bool {
    match outcome {
        Err(Fault::Damaged(_)) => true,
        Ok(_) | Err(Fault::Newer(_)) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 64 } else { 2_000 }))]

    #[test]
    fn a_journal_says_what_was_committed(commits in any_commits()) {
        let (bytes, tables, ends) = journal_of(&commits);
        let replayed = replay(&bytes).unwrap();
        prop_assert_eq!(&replayed.table, tables.last().unwrap());
        prop_assert_eq!(replayed.end, *ends.last().unwrap());
        prop_assert_eq!(replayed.ending, Ending::Clean);
    }

    /// What a killed process and loss of power leave of the last frame: its front part, and of that any sectors.
    #[test]
    fn an_interrupted_frame_counts_as_a_whole_or_not_at_all(
        commits in any_commits(),
        written in prop::collection::vec(any::<bool>(), 64),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut bytes, tables, ends) = journal_of(&commits);
        let whole = bytes.clone();
        let &[.., start, end] = &ends[..] else { unreachable!("there is a frame") };
        let cut = start + cut.index(end - start + 1);
        bytes[cut..end].fill(0);
        for (sector, written) in (start / SECTOR..=end / SECTOR).zip(written) {
            if !written {
                bytes[start.max(sector * SECTOR)..end.min((sector + 1) * SECTOR)].fill(0);
            }
        }
        let replayed = replay(&bytes).unwrap();
        let counted = usize::from(bytes == whole);
        prop_assert_eq!(replayed.table, tables[tables.len() - 2 + counted].clone());
    }

    /// Whatever is damaged: never a panic, and never another table than one that was there; that only after bytes
    /// became zero, which looks like a write that was interrupted.
    #[test]
    fn damage_is_noticed(
        commits in any_commits(),
        place in any::<prop::sample::Index>(),
        value in any::<u8>(),
        length in 1..2000_usize,
    ) {
        let (mut bytes, tables, ends) = journal_of(&commits);
        let whole = bytes.clone();
        let end = ends[ends.len() - 1];
        let at = place.index(end);
        bytes[at..end.min(at + length)].fill(value);
        let outcome = replay(&bytes);
        if bytes == whole {
            prop_assert_eq!(outcome.unwrap().table, tables.last().unwrap().clone());
        } else if at >= HEADER && value == 0 {
            prop_assert!(is_damaged(&outcome) || tables.contains(&outcome.unwrap().table));
        } else {
            prop_assert!(is_damaged(&outcome) || matches!(outcome, Err(Fault::Newer(_))) && at < 20, "{outcome:?}");
        }
    }

    #[test]
    fn a_file_cut_off_anywhere_is_noticed_or_lacks_only_zeros(
        commits in any_commits(),
        filler in 0..2 * CHUNK,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut commits = commits;
        let note = Record::Note { name: "filler".into(), value: "x".repeat(filler) };
        commits.insert(0, (Stamp::default(), vec![note]));
        let (bytes, tables, ends) = journal_of(&commits);
        for cut in [cut.index(bytes.len()), cut.index(bytes.len()) / CHUNK * CHUNK] {
            let outcome = replay(&bytes[..cut]);
            if cut >= ends[ends.len() - 1] + MARGIN && cut % CHUNK == 0 {
                prop_assert_eq!(outcome.unwrap().table, tables.last().unwrap().clone());
            } else {
                prop_assert!(is_damaged(&outcome), "cut at {}: {:?}", cut, outcome);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(is_damaged(&replay(&bytes)));
        let mut file = header(SALT).to_vec();
        file.extend_from_slice(&bytes);
        file.resize(CHUNK, 0);
        if let Ok(replayed) = replay(&file) {
            prop_assert_eq!(replayed.table, Table::default());
        }
        let mut body = &bytes[..];
        while record::decode(&mut body).is_some() {}
    }
}

#[test]
fn a_frame_cut_at_every_byte_leaves_the_one_before() {
    let stamp = Stamp::default();
    let put = |port| Record::Put(Arc::new(mapping(port)));
    let open = |port| Record::PutPinhole(Arc::new(pinhole(port)));
    let last = || Record::LastUniqueId(UniqueId(1040));
    let group = (1000..1020).flat_map(|port| [put(port), open(port)]).chain([last()]);
    let (bytes, tables, ends) = journal_of(&[(stamp, vec![put(80), open(80)]), (stamp, group.collect())]);
    assert!(ends[2] - ends[1] > 2 * SECTOR);
    for cut in ends[1]..ends[2] {
        let mut cut_off = bytes.clone();
        cut_off[cut..].fill(0);
        let replayed = replay(&cut_off).unwrap();
        assert_eq!((&replayed.table, replayed.end), (&tables[1], ends[1]), "cut at {cut}");
        let expected = if cut == ends[1] { Ending::Clean } else { Ending::Torn };
        assert!(replayed.ending == expected || cut_off[ends[1]..].iter().all(|&byte| byte == 0));
    }
}

#[test]
fn every_flipped_bit_of_an_earlier_frame_is_noticed() {
    let stamp = Stamp::default();
    let (bytes, _, ends) = journal_of(&[
        (stamp, vec![Record::Put(Arc::new(mapping(80)))]),
        (stamp, vec![Record::Put(Arc::new(mapping(81)))]),
        (
            stamp,
            vec![
                Record::PutPinhole(Arc::new(pinhole(81))),
                Record::LastUniqueId(UniqueId(81)),
            ],
        ),
    ]);
    for at in HEADER..ends[3] {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(is_damaged(&replay(&flipped)), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_frame_hidden_in_a_text_is_not_taken_for_one_of_another_file() {
    let stamp = Stamp::default();
    let mut hidden = Vec::new();
    frame(
        &mut hidden,
        SALT + 1,
        200,
        stamp,
        std::iter::once(Record::Boot("x".into())),
    )
    .unwrap();
    let (mut bytes, _, ends) = journal_of(&[(stamp, vec![])]);
    bytes[200..200 + hidden.len()].copy_from_slice(&hidden);
    let replayed = replay(&bytes);
    assert!(ends[1] < 200 && replayed.is_ok_and(|replayed| replayed.table == Table::default()));
}

#[test]
fn a_kind_of_record_that_is_not_known_is_damage() {
    let stamp = Stamp::default();
    let (mut bytes, _, ends) = journal_of(&[(stamp, vec![Record::LastUniqueId(UniqueId(7))])]);
    // After the head of the frame and its stamp.
    bytes[HEADER + 28] = 8;
    let body = HEADER + 8..ends[1] - 4;
    let check = body_check(SALT, &bytes[body.clone()]);
    bytes[body.end..ends[1]].copy_from_slice(&check);
    assert_eq!(
        replay(&bytes),
        Err(Fault::Damaged("the entry at byte 32 makes no sense".into()))
    );
}

#[test]
fn a_journal_of_the_first_format_is_read() {
    let (mut bytes, tables, _) = journal_of(&[(Stamp::default(), vec![Record::Put(Arc::new(mapping(80)))])]);
    bytes[16..20].copy_from_slice(&1_u32.to_le_bytes());
    let check = crc::crc32(0, &bytes[..28]).to_le_bytes();
    bytes[28..32].copy_from_slice(&check);
    let replayed = replay(&bytes).unwrap();
    assert_eq!((&replayed.table, replayed.format), (&tables[1], 1));
    bytes[16] = 0;
    let check = crc::crc32(0, &bytes[..28]).to_le_bytes();
    bytes[28..32].copy_from_slice(&check);
    assert!(replay(&bytes).is_err());
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let (mut bytes, ..) = journal_of(&[]);
    bytes[16..20].copy_from_slice(&7_u32.to_le_bytes());
    assert_eq!(replay(&bytes), Err(Fault::Damaged("its header is damaged".into())));
    let check = crc::crc32(0, &bytes[..28]).to_le_bytes();
    bytes[28..32].copy_from_slice(&check);
    assert_eq!(replay(&bytes), Err(Fault::Newer(7)));
}

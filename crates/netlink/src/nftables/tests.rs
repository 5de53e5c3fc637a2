use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use proptest::prelude::*;

use super::*;
use crate::Errno;
use crate::message::{Attributes, Buffer, Messages};

const SET: &str = "s";

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), flip: usize, to: u8) {
        // Pure noise rarely gets past the first length, and so a true rule with one wrong byte is read too.
        let mut buffer = Buffer::new();
        buffer.message(0, 0, &[], |attrs| attrs.nest(1, |list| Expression::write_all(&expressions(), list)));
        let mut rule = buffer.as_bytes()[16..].to_vec();
        let len = rule.len();
        rule[flip % len] = to;
        for bytes in [bytes, rule] {
            let _ = Chain::read(Attributes::new(&bytes));
            let _ = Set::read(Attributes::new(&bytes));
            for attribute in Attributes::new(&bytes) {
                let _ = Expression::read_all(&attribute);
                let _ = Element::read(&attribute);
            }
        }
    }
}

#[test]
fn expressions_are_read_as_written() {
    let mut buffer = Buffer::new();
    buffer.message(0, 0, &[], |attrs| {
        attrs.nest(1, |list| Expression::write_all(&expressions(), list));
    });
    let message = Messages::new(buffer.as_bytes()).next().unwrap().unwrap();
    let list = message.attributes(0).next().unwrap();
    assert_eq!(Expression::read_all(&list), expressions());
}

#[test]
fn a_transaction_happens_whole_or_not_at_all() {
    for prepare in [|connection| connection, Connection::without_end_acknowledged] {
        alone("a_transaction_happens_whole_or_not_at_all", move || {
            let mut connection = prepare(Connection::open().unwrap());
            create(&mut connection);
            // Every number of messages around the sizes at which a reply may be missed.
            for count in [1, 2, 62, 63, 64, 65, 512] {
                let mut batch = Batch::new(&table());
                batch.flush_set(SET);
                for port in 1..=count {
                    batch.add_element(SET, &element(port));
                }
                connection.commit(batch).unwrap();
                assert_eq!(connection.elements(&table(), SET).unwrap().len(), usize::from(count));
            }

            let mut batch = Batch::new(&table());
            batch.add_element(SET, &element(1000));
            let second = batch.delete_element(SET, &element(2000).key);
            batch.add_element(SET, &element(1001));
            let fourth = batch.delete_element(SET, &element(2001).key);
            let Err(CommitError::Refused(refused)) = connection.commit(batch) else {
                panic!("nothing to delete");
            };
            let refused: Vec<_> = refused.iter().map(|refusal| (refusal.message, refusal.errno)).collect();
            assert_eq!(refused, [(second, Errno::ENOENT), (fourth, Errno::ENOENT)]);
            assert_eq!(connection.elements(&table(), SET).unwrap().len(), 512);

            // The connection is as good as before.
            let mut batch = Batch::new(&table());
            batch.destroy_element(SET, &element(2000).key);
            connection.commit(batch).unwrap();
            assert_eq!(
                connection.elements(&table(), "missing").unwrap_err().errno(),
                Some(Errno::ENOENT)
            );
        });
    }
}

#[test]
fn what_was_created_is_read_back() {
    alone("what_was_created_is_read_back", || {
        let mut connection = Connection::open().unwrap();
        assert_eq!(connection.table(&table()), Ok(None));
        create(&mut connection);
        assert_eq!(connection.sets(&table()), Ok(vec![set()]));
        let chains = connection.chains().unwrap();
        assert_eq!(
            chains,
            [Found {
                table: table(),
                item: chain()
            }]
        );
        let rules = connection.rules(&table()).unwrap();
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0].expressions, [Expression::Verdict(Verdict::Accept)]);

        let timed = Element {
            lifetime: Lifetime::Left(Duration::from_secs(100)),
            ..element(7)
        };
        let mut batch = Batch::new(&table());
        batch.add_elements(SET, &[timed, element(8)]);
        connection.commit(batch).unwrap();
        assert_eq!(connection.element(&table(), SET, &element(8).key), Ok(Some(element(8))));
        assert_eq!(connection.element(&table(), SET, &element(9).key), Ok(None));
        let Some(Element {
            lifetime: Lifetime::Left(left),
            ..
        }) = connection.element(&table(), SET, &timed.key).unwrap()
        else {
            panic!("it has an end");
        };
        assert!(
            left <= Duration::from_secs(100) && left > Duration::from_secs(90),
            "{left:?}"
        );
    });
}

#[test]
fn the_longest_key_and_its_counter_are_read_back() {
    alone("the_longest_key_and_its_counter_are_read_back", || {
        let mut connection = Connection::open().unwrap();
        let set = Set {
            key_type: types::concat(&[types::IPV6, types::PROTOCOL, types::PORT, types::IPV6, types::PORT]),
            key_len: 44,
            each: Some(Expression::Counter),
            ..set()
        };
        let address = "2001:db8::77".parse().unwrap();
        let key = |port| Data::new().ipv6(address).protocol(6).port(port).ipv6(address).port(9);
        assert_eq!(Data::from_bytes(&[7; 64]).unwrap().as_bytes(), [7; 64]);
        assert_eq!(Data::from_bytes(&[7; 65]), None);

        let counted = Element {
            counter: Some(Counter { packets: 5, bytes: 500 }),
            ..Element::member(key(80))
        };
        let mut batch = Batch::new(&table());
        batch.add_table(TableFlags::SHARED);
        batch.add_set(&set);
        batch.add_elements(SET, &[counted, Element::member(key(81))]);
        connection.commit(batch).unwrap();
        assert_eq!(connection.sets(&table()), Ok(vec![set]));
        assert_eq!(connection.element(&table(), SET, &key(80)), Ok(Some(counted)));
        let fresh = connection.element(&table(), SET, &key(81)).unwrap().unwrap();
        assert_eq!(fresh.counter, Some(Counter::default()));

        // Adding what is there leaves its count alone.
        let mut batch = Batch::new(&table());
        batch.add_element(SET, &Element::member(key(80)));
        connection.commit(batch).unwrap();
        assert_eq!(connection.element(&table(), SET, &key(80)), Ok(Some(counted)));
    });
}

#[test]
fn a_monitor_tells_who_changed_what() {
    alone("a_monitor_tells_who_changed_what", || {
        let mut monitor = Monitor::open().unwrap();
        let mut connection = Connection::open().unwrap();
        create(&mut connection);
        assert!(monitor.wait(Duration::from_secs(1)).unwrap());
        let mut events = Vec::new();
        monitor.drain(|event| events.push(event)).unwrap();
        let by = connection.port();
        let own = Event::Changed { table: table(), by };
        assert!(
            !events.is_empty() && events.iter().all(|event| *event == own),
            "{events:?}"
        );
    });
}

fn alone(test: &str, work: impl FnOnce() + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        println!("left out, needs root: {test}");
        return;
    }
    // In a thread, because a network namespace of one's own is a property of the thread and ends with it.
    let outcome = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        work();
    })
    .join();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn table() -> Table {
    Table {
        family: Family::Inet,
        name: "t".to_owned(),
    }
}

fn set() -> Set {
    Set {
        name: SET.to_owned(),
        flags: set_flags::TIMEOUT,
        key_type: types::PORT,
        key_order: ByteOrder::Network,
        key_len: 2,
        data: None,
        each: None,
        size: Some(1000),
    }
}

fn chain() -> Chain {
    Chain {
        name: "c".to_owned(),
        base: Some(BaseChain {
            kind: ChainKind::Filter,
            hook: Hook::Forward,
            priority: -7,
            policy: Policy::Drop,
        }),
    }
}

fn element(port: u16) -> Element {
    Element::member(Data::from_bytes(&port.to_be_bytes()).unwrap())
}

fn create(connection: &mut Connection) {
    let mut batch = Batch::new(&table());
    batch.add_table(TableFlags::SHARED);
    batch.add_set(&set());
    batch.add_chain(&chain());
    batch.add_rule("c", &[Expression::Verdict(Verdict::Accept)]);
    connection.commit(batch).unwrap();
}

/// One of each kind.
fn expressions() -> Vec<Expression> {
    let (first, second) = (Register::word(0), Register::word(1));
    vec![
        Expression::Meta {
            key: MetaKey::InputInterface,
            into: first,
        },
        Expression::Payload {
            base: HeaderBase::Transport,
            offset: 2,
            len: 2,
            into: second,
        },
        Expression::Ct {
            key: CtKey::Destination,
            direction: Some(Direction::Reply),
            into: first,
        },
        Expression::SetCt {
            key: CtKey::Mark,
            from: first,
        },
        Expression::Bits {
            register: first,
            mask: !0x20,
            flip: 0x20,
        },
        Expression::Compare {
            register: first,
            operator: Operator::NotEqual,
            value: vec![1, 2, 3],
        },
        Expression::Lookup {
            set: SET.to_owned(),
            key: first,
            into: Some(second),
        },
        Expression::Dnat {
            address: first,
            port: second,
        },
        Expression::Masquerade { port: Some(first) },
        Expression::Verdict(Verdict::Jump("c".to_owned())),
        Expression::Counter,
        Expression::Other("log".to_owned()),
    ]
}

//! Plans against gateways that are functions from a step to an answer.

mod any_answer;
mod asking;
mod proving;
mod renewing;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::*;
use crate::error::Conversation;
use crate::mapping::wanted::{Description, LeaseSeconds};

const US: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 2);

fn port(port: u16) -> NonZeroU16 {
    NonZeroU16::new(port).unwrap()
}

fn wanted(external: External) -> Wanted {
    Wanted {
        protocol: Protocol::Tcp,
        external,
        internal_client: US,
        internal_port: port(8080),
        lease: LeaseSeconds::new(Duration::from_secs(7200)).unwrap(),
        remote_host: None,
        description: Description::new("ours").unwrap(),
    }
}

fn refusal(code: u16) -> Refusal {
    known_refusal("X", code, "no")
}

fn timeout() -> Error {
    Conversation::Timeout {
        address: "gateway".to_owned(),
        waited: Duration::from_secs(3),
    }
    .into()
}

/// A gateway that works, except where a test changes it.
struct Router {
    table: BTreeMap<NonZeroU16, Shown>,
    version: Abilities,
    /// Refuses a request to add: port and lease to code.
    refuse: Box<dyn Fn(NonZeroU16, u32) -> Option<u16>>,
    /// Says yes to these ports and does nothing, so many times.
    ignore: BTreeMap<NonZeroU16, u8>,
    /// Says yes to any port and makes the mapping on this one.
    moves_to: Option<NonZeroU16>,
    read_back: Option<u16>,
    /// How the entry is changed before it is shown.
    distort: fn(&mut Shown),
    sent: Vec<Step>,
}

impl Router {
    fn new(version: Abilities) -> Self {
        Self {
            table: BTreeMap::new(),
            version,
            refuse: Box::new(|_, _| None),
            ignore: BTreeMap::new(),
            moves_to: None,
            read_back: None,
            distort: |_| {},
            sent: Vec::new(),
        }
    }

    fn refusing(version: Abilities, refuse: impl Fn(NonZeroU16, u32) -> Option<u16> + 'static) -> Self {
        Self {
            refuse: Box::new(refuse),
            ..Self::new(version)
        }
    }

    fn with_entry_of_another_host(mut self, external: u16) -> Self {
        let shown = Shown {
            internal_client: "192.168.77.9".to_owned(),
            internal_port: 80,
            enabled: true,
            ..Shown::default()
        };
        self.table.insert(port(external), shown);
        self
    }

    fn run(&mut self, mut plan: Plan) -> Result<Made, Error> {
        for _ in 0..60 {
            let step = plan.next().clone();
            match &step {
                Step::Read { external_port } => plan.read(self.read(*external_port)),
                Step::Add {
                    external_port, lease, ..
                } => plan.added(self.add(&plan.wanted, *external_port, *lease)),
                Step::Search => plan.searched(Ok(self.list())),
                Step::Delete { external_port } => {
                    self.table.remove(external_port);
                    plan.deleted();
                }
                Step::Done(made) => return Ok(made.clone()),
                Step::Failed(error) => return Err(error.clone()),
            }
            self.sent.push(step);
        }
        panic!("the plan does not end: {:?}", self.sent);
    }

    fn make(&mut self, external: External) -> Result<Made, Error> {
        self.run(Plan::new(
            wanted(external),
            self.version,
            Lessons::default(),
            Purpose::New,
            1,
        ))
    }

    fn renew(&mut self, external: External, at: u16) -> Result<Made, Error> {
        let purpose = Purpose::Renewal(port(at));
        self.run(Plan::new(
            wanted(external),
            self.version,
            Lessons::default(),
            purpose,
            1,
        ))
    }

    fn read(&self, external: NonZeroU16) -> Result<Shown, Error> {
        if let Some(code) = self.read_back {
            return Err(refusal(code).into());
        }
        let mut shown = self
            .table
            .get(&external)
            .cloned()
            .ok_or_else(|| Error::from(refusal(714)))?;
        (self.distort)(&mut shown);
        Ok(shown)
    }

    fn add(&mut self, wanted: &Wanted, external: NonZeroU16, lease: u32) -> Result<u16, Error> {
        if let Some(code) = (self.refuse)(external, lease) {
            return Err(refusal(code).into());
        }
        if let Some(times) = self.ignore.get_mut(&external)
            && *times > 0
        {
            *times -= 1;
            return Ok(external.get());
        }
        let shown = Shown {
            internal_client: wanted.internal_client.to_string(),
            internal_port: wanted.internal_port.get(),
            enabled: true,
            description: wanted.description.as_str().to_owned(),
            lease,
        };
        self.table.insert(self.moves_to.unwrap_or(external), shown);
        Ok(external.get())
    }

    fn list(&self) -> Vec<Listed> {
        let listed = |(external_port, shown): (&NonZeroU16, &Shown)| Listed {
            protocol: Protocol::Tcp,
            external_port: *external_port,
            shown: shown.clone(),
        };
        self.table.iter().map(listed).collect()
    }

    fn added(&self) -> Vec<(Way, u16, u32)> {
        let added = self.sent.iter().filter_map(|step| match step {
            Step::Add {
                way,
                external_port,
                lease,
            } => Some((*way, external_port.get(), *lease)),
            _ => None,
        });
        added.collect()
    }

    fn deleted(&self) -> Vec<u16> {
        let deleted = self.sent.iter().filter_map(|step| match step {
            Step::Delete { external_port } => Some(external_port.get()),
            _ => None,
        });
        deleted.collect()
    }
}

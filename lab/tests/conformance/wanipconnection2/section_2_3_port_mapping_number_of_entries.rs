//! PortMappingNumberOfEntries.

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::PortMapping;

#[test]
fn it_counts_every_entry_of_every_client() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let (first, second) = (bed.client(1), bed.client(2));
    assert_eq!(first.number_of_entries(), 0);
    let mapping = PortMapping::new(&first, bed.port());
    first.add(&mapping).expect("an own mapping");
    assert_eq!(first.number_of_entries(), 1);
    first.add(&mapping).expect("a refresh");
    assert_eq!(first.number_of_entries(), 1, "a refresh adds nothing");
    second
        .add(&PortMapping::new(&second, bed.port()).udp())
        .expect("an own mapping");
    assert_eq!(first.number_of_entries(), 2);
    first.delete(&mapping).expect("an own mapping");
    assert_eq!(second.number_of_entries(), 1);
}
